import type { CustomField } from './site'

export type FieldKind = 'text' | 'number' | 'date' | 'choice' | 'flag' | 'moment'

/** One question of a filter; `value` as the field's kind has it. */
export interface Condition {
  field: string
  is: string
  value?: unknown
}

export interface Group {
  match: 'all' | 'any'
  parts: (Condition | Group)[]
}

/** The record's own fields (`interaction_log.segments.FIELDS`). */
export const FIELDS: Record<string, FieldKind> = {
  name: 'text',
  organisation: 'text',
  kind: 'choice',
  language: 'choice',
  channel: 'choice',
  agent: 'choice',
  vip: 'flag',
  value: 'number',
  phone: 'flag',
  email: 'flag',
  open_cases: 'number',
  last_contact: 'moment',
}

export const OPERATORS: Record<FieldKind, string[]> = {
  text: ['is', 'is_not', 'contains', 'begins', 'filled', 'empty'],
  number: ['equals', 'less', 'at_most', 'more', 'at_least', 'filled', 'empty'],
  date: ['on', 'before', 'after', 'filled', 'empty'],
  choice: ['one_of', 'none_of', 'filled', 'empty'],
  flag: ['yes', 'no'],
  moment: ['older', 'newer'],
}
const WITHOUT_VALUE = ['filled', 'empty', 'yes', 'no']

export const needsValue = (op: string): boolean => !WITHOUT_VALUE.includes(op)

export function kindOf(field: string, site: CustomField[]): FieldKind {
  if (field in FIELDS) return FIELDS[field]!
  return site.find((one) => `fields.${one.code}` === field)?.type ?? 'text'
}

/** A condition as a form has it: the value is text. */
export interface Row {
  field: string
  is: string
  value: string
}

export const isSimple = (filter: Group): boolean => filter.parts.every((one) => !('parts' in one))

export function toRows(filter: Group): Row[] {
  return filter.parts.flatMap((one) =>
    'parts' in one
      ? []
      : [
          {
            field: one.field,
            is: one.is,
            value: Array.isArray(one.value) ? one.value.join(', ') : String(one.value ?? ''),
          },
        ],
  )
}

function typed(kind: FieldKind, value: string): unknown {
  if (kind === 'number' || kind === 'moment') return value.trim() === '' ? null : Number(value)
  if (kind === 'choice')
    return value
      .split(/[,，]/)
      .map((one) => one.trim())
      .filter(Boolean)
  return value.trim()
}

/** The filter that these rows mean. */
export function toFilter(match: 'all' | 'any', rows: Row[], site: CustomField[]): Group {
  const part = ({ field, is, value }: Row): Condition =>
    needsValue(is) ? { field, is, value: typed(kindOf(field, site), value) } : { field, is }
  return { match, parts: rows.map(part) }
}
