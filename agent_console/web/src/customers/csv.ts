import { inWords } from '@/api/http'
import type { ImportReport } from '@/api/types'

/** One CSV field. A formula's first character is defused, because the file goes to a spreadsheet. */
function cell(value: string | number): string {
  const text = String(value)
  const safe = /^[=+\-@\t\r]/.test(text) && !/^\+?\d[\d\s]*$/.test(text) ? `'${text}` : text
  return /[",\n\r]/.test(safe) ? `"${safe.replaceAll('"', '""')}"` : safe
}

/** The refused rows as CSV: line, field, reason, then the row as it was. */
export function refusedCsv(report: ImportReport): string {
  const columns = [...new Set(report.refused.flatMap((one) => Object.keys(one.row)))]
  const lines = report.refused.map((one) => [
    one.line,
    one.field ?? '',
    inWords(one.reason, one),
    ...columns.map((name) => one.row[name] ?? ''),
  ])
  // The byte order mark tells spreadsheets that this is UTF-8, without which Chinese names are garbled.
  return (
    '\ufeff' +
    [['line', 'field', 'reason', ...columns], ...lines].map((line) => line.map(cell).join(',')).join('\r\n') +
    '\r\n'
  )
}
