const UNITS = ['byte', 'kilobyte', 'megabyte', 'gigabyte'] as const

/** So many bytes, for people. */
export function size(bytes: number, locale: string): string {
  const step = Math.min(UNITS.length - 1, Math.floor(Math.log10(Math.max(1, bytes)) / 3))
  const maximumFractionDigits = step > 1 ? 1 : 0
  return new Intl.NumberFormat(locale, {
    style: 'unit',
    unit: UNITS[step],
    unitDisplay: 'short',
    maximumFractionDigits,
  }).format(bytes / 1000 ** step)
}
