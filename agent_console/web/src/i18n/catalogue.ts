import en from './en.json'
import zhCN from './zh-CN.json'

type Texts = Record<string, unknown>

/** The texts of one part of the console: `topics/NAME.en.json` and `topics/NAME.zh-CN.json`, keys not used elsewhere. */
const parts = import.meta.glob<Texts>('./topics/*.json', { eager: true, import: 'default' })

function merged(into: Texts, more: Texts): Texts {
  for (const [key, value] of Object.entries(more)) {
    const there = into[key]
    const both = typeof there === 'object' && typeof value === 'object'
    into[key] = both ? merged({ ...(there as Texts) }, value as Texts) : value
  }
  return into
}

const of = (first: Texts, ending: string) =>
  Object.entries(parts)
    .filter(([name]) => name.endsWith(ending))
    .reduce((all, [, texts]) => merged(all, texts), { ...first })

export const messages = {
  en: of(en, '.en.json') as typeof en,
  'zh-CN': of(zhCN, '.zh-CN.json') as typeof zhCN,
}
