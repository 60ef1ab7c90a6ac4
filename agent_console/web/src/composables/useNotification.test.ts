import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import 'vue' // it looks for a document when it is loaded, and must find none

const made: Desktop[] = []

class Desktop {
  static permission = 'granted'
  static requestPermission = vi.fn(async () => 'granted')
  onclick: (() => void) | null = null
  close = vi.fn()
  constructor(
    readonly title: string,
    readonly options: { tag: string; body: string },
  ) {
    made.push(this)
  }
}

const page = { visibilityState: 'hidden' }
const window_ = { Notification: Desktop, focus: vi.fn() }

/** As the browser that is there now answers. */
async function notification() {
  vi.resetModules()
  const { useNotification } = await import('./useNotification')
  return useNotification()
}

beforeEach(() => {
  made.length = 0
  Desktop.permission = 'granted'
  page.visibilityState = 'hidden'
  vi.stubGlobal('window', window_)
  vi.stubGlobal('document', page)
  vi.stubGlobal('Notification', Desktop)
})
afterEach(() => {
  vi.unstubAllGlobals()
  vi.clearAllMocks()
})

describe('a desktop notification', () => {
  it('is shown once per call over all tabs while nobody looks at the page, and taken away', async () => {
    const remove = (await notification()).show('i-1', 'Incoming: Li Lei', 'Support')
    expect(made.map((one) => [one.title, one.options.tag, one.options.body])).toEqual([
      ['Incoming: Li Lei', 'i-1', 'Support'],
    ])
    remove()
    expect(made[0]!.close).toHaveBeenCalledOnce()
  })

  it('brings the page to the front', async () => {
    ;(await notification()).show('i-1', 'Incoming', '')
    made[0]!.onclick!()
    expect(window_.focus).toHaveBeenCalledOnce()
    expect(made[0]!.close).toHaveBeenCalledOnce()
  })

  it('is not shown to who looks at the page, nor without permission', async () => {
    page.visibilityState = 'visible'
    ;(await notification()).show('i-1', 'Incoming', '')()
    page.visibilityState = 'hidden'
    Desktop.permission = 'default'
    ;(await notification()).show('i-1', 'Incoming', '')()
    expect(made).toEqual([])
  })

  it('is asked for by a button only', async () => {
    Desktop.permission = 'default'
    const { ask, permission } = await notification()
    expect(Desktop.requestPermission).not.toHaveBeenCalled()
    await ask()
    expect(permission.value).toBe('granted')
  })

  it('is nothing where the browser has none', async () => {
    vi.stubGlobal('window', { focus: vi.fn() })
    const { ask, permission, show } = await notification()
    await ask()
    expect(permission.value).toBe('unsupported')
    show('i-1', 'Incoming', '')()
    expect(made).toEqual([])
  })
})
