/** The language of the widget: two are built in, any other comes as a file of the site. */
import { en, type Texts } from './en'
import { zhCN } from './zh-CN'

export type Key = keyof typeof en
const RIGHT_TO_LEFT = new Set(['ar', 'dv', 'fa', 'he', 'ku', 'ps', 'sd', 'ug', 'ur', 'yi'])

export interface Speech {
  readonly language: string
  readonly direction: 'ltr' | 'rtl'
  /** The text of a key, with `{name}` filled in. */
  say(key: Key, values?: Record<string, string | number>): string
  /** The text of a code that the server gives, or what it said itself. */
  sayCode(prefix: string, code: string, otherwise: string, values?: Record<string, string>): string
  /** Of texts by language the best. */
  choose(texts: Record<string, string>): string
  time(seconds: number): string
  day(seconds: number): string
  bytes(count: number): string
  /** About how long, in minutes. */
  wait(seconds: number): string
}

function builtIn(language: string): Texts {
  return /^zh\b/i.test(language) ? zhCN : en
}

/** `apart`: what is filled in has a direction of its own (U+2068 and U+2069), which must not turn what stands beside. */
function fill(text: string, values: Record<string, string | number> = {}, apart = false): string {
  return text.replace(/\{(\w+)\}/g, (whole, name: string) => {
    const value = values[name]
    return value === undefined ? whole : apart ? `\u2068${value}\u2069` : String(value)
  })
}

function locale(language: string): string {
  try {
    return Intl.getCanonicalLocales(language)[0] ?? 'en'
  } catch {
    return 'en'
  }
}

export function speech(language: string, own: Partial<Record<string, string>> = {}): Speech {
  const tag = locale(language)
  const texts: Record<string, string> = { ...builtIn(tag), ...(own as Record<string, string>) }
  const clock = new Intl.DateTimeFormat(tag, { hour: '2-digit', minute: '2-digit' })
  const date = new Intl.DateTimeFormat(tag, { weekday: 'long', month: 'short', day: 'numeric' })
  const number = new Intl.NumberFormat(tag, { maximumFractionDigits: 1 })
  const main = tag.split('-')[0] ?? tag
  const rtl = RIGHT_TO_LEFT.has(main)
  // What the server says of a fault is English: elsewhere that it failed says more.
  const fault = (otherwise: string) => (main === 'en' && otherwise) || texts['error.failed'] || otherwise
  const speak: Speech = {
    language: tag,
    direction: rtl ? 'rtl' : 'ltr',
    say: (key, values) => fill(texts[key] ?? key, values, rtl),
    sayCode: (prefix, code, otherwise, values) =>
      fill(texts[prefix + code] ?? (prefix === 'error.' ? fault(otherwise) : otherwise), values, rtl),
    choose: (offered) => offered[tag] ?? offered[main] ?? offered.en ?? Object.values(offered)[0] ?? '',
    time: (seconds) => clock.format(seconds * 1000),
    day(seconds) {
      const days = Math.round((new Date(seconds * 1000).setHours(0, 0, 0, 0) - new Date().setHours(0, 0, 0, 0)) / 864e5)
      return days === 0 ? speak.say('today') : days === 1 ? speak.say('tomorrow') : date.format(seconds * 1000)
    },
    bytes(count) {
      const steps = count < 1e3 ? 0 : count < 1e6 ? 1 : 2
      return `${number.format(count / 1000 ** steps)} ${['B', 'kB', 'MB'][steps]}`
    },
    wait(seconds) {
      const minutes = Math.round(seconds / 60)
      return minutes < 1
        ? speak.say('less_minute')
        : minutes === 1
          ? speak.say('minute')
          : speak.say('minutes', { n: minutes })
    },
  }
  return speak
}

/** A site's own texts: strings by key; anything else in the file is ignored. */
export async function ownTexts(url: string): Promise<Record<string, string>> {
  try {
    const answer = await fetch(url, { credentials: 'same-origin' })
    const found = (await answer.json()) as Record<string, unknown>
    return Object.fromEntries(
      Object.entries(found).filter((pair): pair is [string, string] => typeof pair[1] === 'string'),
    )
  } catch {
    return {}
  }
}
