import { beforeEach, describe, expect, it } from 'vitest'
import { Browser, Clock, Room, Tab } from '../testing/room'

let clock: Clock
let room: Room
beforeEach(() => {
  clock = new Clock()
  room = new Room(clock)
})

async function talking(browser = new Browser()): Promise<Tab> {
  const tab = new Tab(room, browser)
  await tab.connect()
  tab.session.open({ queue: 'support' })
  await clock.pass(0)
  return tab
}

const numbers = (tab: Tab): number[] => tab.session.lines.map((line) => line.number)

describe('a line that is said', () => {
  it('is shown at once, and confirmed with its number', async () => {
    const tab = await talking()
    tab.session.say('hello')
    expect(tab.session.pending.map((one) => one.text)).toEqual(['hello'])
    await clock.pass(0)
    expect(tab.session.pending).toEqual([])
    expect(tab.texts).toEqual(['hello'])
  })

  it.each(['lose', 'never'] as const)('arrives once when the answer is cut (%s)', async (fate) => {
    const tab = await talking()
    tab.fate = (name) => (name === 'say' ? fate : 'deliver')
    tab.session.say('one')
    tab.session.say('two')
    await clock.pass(100)
    expect(tab.session.link).toBe('reconnecting')
    tab.fate = () => 'deliver'
    await tab.connect()
    await clock.pass(5_000)
    expect(room.lines.map((line) => line.text)).toEqual(['one', 'two'])
    expect(tab.texts).toEqual(['one', 'two'])
    expect(tab.session.pending).toEqual([])
  })

  it('keeps the order of writing over many breaks', async () => {
    const tab = await talking()
    const wanted = Array.from({ length: 30 }, (_, index) => `line ${index}`)
    let turn = 0
    tab.fate = () => (['deliver', 'lose', 'deliver', 'never'] as const)[turn++ % 4] ?? 'deliver'
    for (const text of wanted) {
      tab.session.say(text)
      await clock.pass(50)
      if (!tab.online) await tab.connect()
    }
    for (let tries = 0; tries < 60 && tab.session.pending.length; tries++) {
      if (!tab.online) await tab.connect()
      await clock.pass(2_000)
    }
    expect(room.lines.map((line) => line.text)).toEqual(wanted)
    expect(tab.texts).toEqual(wanted)
    expect(numbers(tab)).toEqual(wanted.map((_, index) => index + 1))
  })

  it('survives a reload before it was acknowledged', async () => {
    const browser = new Browser()
    const tab = await talking(browser)
    tab.fate = (name) => (name === 'say' ? 'never' : 'deliver')
    tab.session.say('before the reload')
    await clock.pass(10)
    room.tabs.delete(tab)
    browser.tabs.length = 0
    const again = new Tab(room, browser)
    expect(again.session.worthConnecting).toBe(true)
    expect(again.session.pending.map((one) => one.text)).toEqual(['before the reload'])
    await again.connect()
    await clock.pass(3_000)
    expect(again.texts).toEqual(['before the reload'])
  })

  it('waits as long as the server says, and is said then', async () => {
    const tab = await talking()
    room.refuse = (name) => (name === 'say' ? { code: 'too_many', message: 'Slow down.', wait: 4 } : undefined)
    tab.session.say('fast')
    await clock.pass(3_900)
    expect(room.asked.filter((name) => name === 'say')).toHaveLength(1)
    expect(tab.session.failure?.code).toBe('too_many')
    room.refuse = null
    await clock.pass(200)
    expect(tab.texts).toEqual(['fast'])
  })

  it('is marked when it is refused for good, and does not hold up the next', async () => {
    const tab = await talking()
    room.refuse = (name, body) =>
      name === 'say' && (body as { text: string }).text === 'bad' ? { code: 'too_long', message: 'No.' } : undefined
    tab.session.say('bad')
    tab.session.say('good')
    await clock.pass(10)
    expect(tab.texts).toEqual(['good'])
    expect(tab.session.pending.map((one) => [one.text, one.failure?.code])).toEqual([['bad', 'too_long']])
    room.refuse = null
    tab.session.again(tab.session.pending[0]!.id)
    await clock.pass(10)
    expect(tab.texts).toEqual(['good', 'bad'])
  })

  it('goes back to the composer when the conversation was over', async () => {
    const tab = await talking()
    tab.cut()
    tab.session.say('too late')
    room.end()
    await tab.connect()
    await clock.pass(10)
    expect(tab.session.pending.map((one) => one.failure?.code)).toEqual(['ended'])
    tab.session.forget()
    expect(tab.box.get('draft')).toBe('too late')
    expect(tab.session.conversation).toBeNull()
    tab.receive('conversation', room.conversation)
    expect(tab.session.conversation).toBeNull()
  })
})

describe('lines of the server', () => {
  it('are ordered by number, each once', async () => {
    const tab = await talking()
    for (const text of ['a', 'b', 'c']) room.agentSays(text)
    tab.receive('line', { conversation: room.conversation!.id, line: room.lines[1] })
    tab.receive('line', { conversation: room.conversation!.id, line: room.lines[0] })
    expect(tab.texts).toEqual(['a', 'b', 'c'])
  })

  it('that are missing are fetched', async () => {
    const tab = await talking()
    room.agentSays('a')
    tab.drops = (name) => name === 'line'
    for (const text of ['b', 'c', 'd']) room.agentSays(text)
    tab.drops = () => false
    room.agentSays('e')
    expect(tab.texts).toEqual(['a', 'e'])
    await clock.pass(500)
    expect(tab.texts).toEqual(['a', 'b', 'c', 'd', 'e'])
  })

  it('that were written while the computer slept are there after it wakes', async () => {
    const tab = await talking()
    tab.session.say('before')
    await clock.pass(10)
    tab.cut()
    clock.now += 600_000
    for (let index = 0; index < 450; index++) room.agentSays(`while away ${index}`)
    await tab.connect()
    await clock.pass(1_000)
    expect(numbers(tab)).toEqual(Array.from({ length: 451 }, (_, index) => index + 1))
  })

  it('of another conversation are not mixed in', async () => {
    const tab = await talking()
    tab.receive('line', { conversation: 'other', line: { ...room.agentSays('mine'), number: 2, text: 'other' } })
    expect(tab.texts).toEqual(['mine'])
  })
})

describe('opening', () => {
  it('is asked again until it is answered, and opens one conversation', async () => {
    const tab = new Tab(room)
    await tab.connect()
    tab.fate = (name) => (name === 'open' ? 'lose' : 'deliver')
    tab.session.open({ queue: 'support' })
    await clock.pass(10)
    const id = room.conversation!.id
    tab.fate = () => 'deliver'
    await tab.connect()
    await clock.pass(3_000)
    expect(tab.session.conversation?.id).toBe(id)
    expect(tab.session.opening).toBe(false)
  })

  it('that is refused for good is no longer asked, and the reason is there', async () => {
    const tab = new Tab(room)
    await tab.connect()
    room.refuse = () => ({ code: 'required', message: 'Name is needed.', field: 'name' })
    tab.session.open({ queue: 'support' })
    await clock.pass(10)
    expect(tab.session.opening).toBe(false)
    expect(tab.session.failure?.field).toBe('name')
  })
})

describe('two tabs', () => {
  it('show the same, also what one wrote while the other was away', async () => {
    const browser = new Browser()
    const one = await talking(browser)
    const other = new Tab(room, browser)
    await other.connect()
    one.session.say('from the first')
    await clock.pass(10)
    other.session.say('from the second')
    await clock.pass(10)
    other.cut()
    one.session.say('while you were away')
    await clock.pass(10)
    await other.connect()
    await clock.pass(3_000)
    const wanted = ['from the first', 'from the second', 'while you were away']
    expect(one.texts).toEqual(wanted)
    expect(other.texts).toEqual(wanted)
    expect([...one.session.pending, ...other.session.pending]).toEqual([])
  })

  it('send an unsent line of a closed tab once', async () => {
    const browser = new Browser()
    const one = await talking(browser)
    const other = new Tab(room, browser)
    await other.connect()
    one.cut()
    one.session.say('left behind')
    room.tabs.delete(one)
    await clock.pass(5_000)
    expect(room.lines.map((line) => line.text)).toEqual(['left behind'])
    expect(other.texts).toEqual(['left behind'])
  })

  it('both begin anew when one does', async () => {
    const browser = new Browser()
    const one = await talking(browser)
    const other = new Tab(room, browser)
    await other.connect()
    room.end()
    one.session.forget()
    await clock.pass(10)
    expect(other.session.conversation).toBeNull()
  })
})

describe('seen, unread and typing', () => {
  it('counts what an agent wrote since the last look, also after a reload', async () => {
    const browser = new Browser()
    const tab = await talking(browser)
    room.agentSays('one')
    tab.session.seen()
    room.agentSays('two')
    room.agentSays('three')
    expect(tab.session.unread).toBe(2)
    const again = new Tab(room, browser)
    await again.connect()
    expect(again.session.unread).toBe(2)
    again.session.seen()
    await clock.pass(10)
    expect([tab.session.unread, again.session.unread]).toEqual([0, 0])
    expect(room.asked).toContain('seen')
  })

  it("ends the other side's typing by the server's clock", async () => {
    const tab = await talking()
    const ahead = 3_600_000
    tab.receive('welcome', {
      visitor: 'v1',
      server_time: (clock.now + ahead) / 1000,
      conversation: room.conversation,
      lines: [],
    })
    const until = (clock.now + ahead) / 1000 + 5
    tab.receive('typing', { conversation: room.conversation!.id, name: 'Anna', until })
    expect(tab.session.typing?.name).toBe('Anna')
    await clock.pass(4_900)
    expect(tab.session.typing).not.toBeNull()
    await clock.pass(200)
    expect(tab.session.typing).toBeNull()
  })

  it('tells its own typing not more often than is needed', async () => {
    const tab = await talking()
    for (let press = 0; press < 20; press++) {
      tab.session.isTyping(true)
      await clock.pass(100)
    }
    expect(room.asked.filter((name) => name === 'typing')).toHaveLength(1)
    tab.session.isTyping(false)
    await clock.pass(0)
    expect(room.asked.filter((name) => name === 'typing')).toHaveLength(2)
  })
})

describe('whatever the network does', () => {
  /** Mulberry32: the same numbers for the same seed. */
  const chance = (seed: number) => () => {
    seed = (seed + 0x6d2b79f5) | 0
    let t = Math.imul(seed ^ (seed >>> 15), 1 | seed)
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t
    return ((t ^ (t >>> 14)) >>> 0) / 4294967296
  }

  it.each([...Array(60).keys()])(
    'two tabs end with the lines of the server, each once, own ones in order (seed %i)',
    async (seed) => {
      const random = chance(seed + 1)
      const browser = new Browser()
      const tabs = [await talking(browser), new Tab(room, browser)]
      await tabs[1]!.connect()
      const written: string[][] = [[], []]
      for (const tab of tabs) {
        tab.fate = () => (random() < 0.7 ? 'deliver' : random() < 0.5 ? 'lose' : 'never')
        tab.drops = (name) => name !== 'welcome' && random() < 0.2
      }
      for (let step = 0; step < 60; step++) {
        const which = random() < 0.5 ? 0 : 1
        const tab = tabs[which]!
        const what = random()
        if (what < 0.4) {
          const text = `${which}:${step}`
          written[which]!.push(text)
          tab.session.say(text)
        } else if (what < 0.6) room.agentSays(`agent ${step}`)
        else if (what < 0.7) tab.cut()
        else if (what < 0.8 && room.lines.length) {
          const line = room.lines[Math.floor(random() * room.lines.length)]
          tab.receive('line', { conversation: room.conversation!.id, line }) // late, and doubled
        }
        await clock.pass(random() * 2_000)
        if (!tab.online && random() < 0.5) await tab.connect()
      }
      for (const tab of tabs) {
        tab.fate = () => 'deliver'
        tab.drops = () => false
      }
      for (const tab of tabs) if (!tab.online) await tab.connect()
      await clock.pass(20_000)
      for (const tab of tabs) {
        if (tab.session.lines.length < room.lines.length) await tab.connect()
        await clock.pass(5_000)
        expect(tab.session.lines).toEqual(room.lines)
        expect(tab.session.pending).toEqual([])
      }
      expect(new Set(room.lines.map((line) => line.id)).size).toBe(room.lines.length)
      for (const which of [0, 1])
        expect(room.lines.map((line) => line.text).filter((text) => text.startsWith(`${which}:`))).toEqual(
          written[which],
        )
    },
  )
})
