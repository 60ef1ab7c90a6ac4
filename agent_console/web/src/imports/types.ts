import { api, type Said } from '@/api/http'

export type ImportState = 'uploaded' | 'reading' | 'read' | 'importing' | 'done' | 'undoing' | 'undone' | 'failed'

export type Duplicates = 'update' | 'skip' | 'new'

/** A file of customers that is taken in (`rest_imports.py`). Times are Unix seconds. */
export interface Import {
  id: string
  created_at: number
  by: string
  file: string
  kind: 'csv' | 'xlsx' | 'vcard'
  bytes: number
  state: ImportState
  headings: string[]
  samples: string[][]
  mapping: (string | null)[]
  duplicates: Duplicates
  rename: boolean
  counts: Record<string, number>
  total: number | null
  done: number
  failure: ({ field: string; message: string } & Said) | null
  finished_at: number | null
  undone_at: number | null
  undone_by: string | null
}

export interface ImportRow extends Said {
  n: number
  line: number
  state: string
  same: string | null
  customer_id: string | null
  customer_name: string | null
  field: string | null
  reason: string | null
  row: Record<string, string>
}

export interface ImportFields {
  fields: string[]
  site: { code: string; labels: Record<string, string> }[]
}

const PATH = '/api/imports'
export const working = (one: Import) => ['reading', 'importing', 'undoing'].includes(one.state)

export const imports = {
  get: (id: string) => api<Import>('GET', `${PATH}/${id}`),
  give(file: File): Promise<Import> {
    const body = new FormData()
    body.append('file', file)
    return api<Import>('POST', PATH, { body })
  },
  choose: (id: string, body: { mapping: (string | null)[]; duplicates: Duplicates; rename: boolean }) =>
    api<Import>('PATCH', `${PATH}/${id}`, { body }),
  suggest: (id: string, name: string | null) => api<Import>('POST', `${PATH}/${id}/suggest`, { body: { name } }),
  begin: (id: string, step: 'read' | 'run' | 'undo') => api<Import>('POST', `${PATH}/${id}/${step}`, { body: {} }),
  drop: (id: string) => api<void>('DELETE', `${PATH}/${id}`),
  remember: (name: string, id: string) =>
    api<void>('PUT', `/api/import-mappings/${encodeURIComponent(name)}`, { body: { import_id: id } }),
  forget: (name: string) => api<void>('DELETE', `/api/import-mappings/${encodeURIComponent(name)}`),
}
