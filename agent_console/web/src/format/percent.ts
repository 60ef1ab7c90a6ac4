const formats = new Map<string, Intl.NumberFormat>()

/** A share in percent (0 to 100) as the language writes it: `60%`, `59.5%`; `digits` after the point at most. */
export function percent(value: number, locale: string, digits = 0): string {
  const key = `${locale} ${digits}`
  let found = formats.get(key)
  if (!found) {
    const options = { style: 'percent', maximumFractionDigits: digits } as const
    formats.set(key, (found = new Intl.NumberFormat(locale, options)))
  }
  return found.format(value / 100)
}
