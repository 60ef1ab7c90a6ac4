import { beforeEach, describe, expect, it, vi } from 'vitest'
import { nextTick, ref } from 'vue'

const ringer = { volume: 0, unlock: vi.fn(async () => true), start: vi.fn(), stop: vi.fn(), chime: vi.fn() }
let chosen: () => void = () => {}
let gestures: Record<string, () => void> = {}

vi.mock('./ringer', () => ({ Ringer: vi.fn(function Ringer() { return ringer }) })) // prettier-ignore
vi.mock('./tabLock', () => ({ beTheOne: (_: string, then: () => void) => (chosen = then) }))
vi.mock('@/composables/useStored', () => ({ useStored: (_: string, first: unknown) => ref(first) }))

/** A page that was just opened. */
async function opened() {
  vi.resetModules()
  const { useRing } = await import('./useRing')
  return useRing()
}

async function touched() {
  gestures['keydown']!()
  await vi.waitFor(() => expect(ringer.unlock).toHaveBeenCalled(), 10_000)
  await nextTick()
}

beforeEach(() => {
  vi.clearAllMocks()
  gestures = {}
  chosen = () => {}
  vi.stubGlobal('navigator', {})
  vi.stubGlobal('window', {
    addEventListener: (name: string, then: () => void) => (gestures[name] = then),
    removeEventListener: (name: string) => delete gestures[name],
  })
})

describe('the ring', () => {
  it('sounds in the one tab that may, from the first ring until nobody rings', async () => {
    const { ringing, unlocked } = await opened()
    ringing.value = true
    await nextTick()
    expect(ringer.start).not.toHaveBeenCalled() // the browser wants a gesture first
    await touched()
    await vi.waitFor(() => expect(unlocked.value).toBe(true), 10_000)
    expect(ringer.start).not.toHaveBeenCalled() // another tab sounds
    chosen()
    await nextTick()
    expect(ringer.start).toHaveBeenCalled()
    ringer.stop.mockClear()
    ringing.value = false
    await nextTick()
    expect(ringer.stop).toHaveBeenCalled()
    expect(gestures).toEqual({})
  })

  it('is silent for who muted it, and as loud as she wants it', async () => {
    const { ringing, muted, volume, unlocked } = await opened()
    await touched()
    await vi.waitFor(() => expect(unlocked.value).toBe(true), 10_000)
    chosen()
    muted.value = true
    ringing.value = true
    await nextTick()
    expect(ringer.start).not.toHaveBeenCalled()
    volume.value = 0.2
    await nextTick()
    expect(ringer.volume).toBe(0.2)
    muted.value = false
    await nextTick()
    expect(ringer.start).toHaveBeenCalledOnce()
  })
})
