import type { Duplicates, Import } from './types'

export interface Outlook {
  create: number
  update: number
  skip: number
  refuse: number
}

/** What an import that was tried would do, by what was chosen for duplicates. */
export function outlook(counts: Import['counts'], duplicates: Duplicates, rename: boolean): Outlook {
  const of = (name: string) => counts[name] ?? 0
  const same = of('waiting.same')
  const other = of('waiting.other')
  const several = of('waiting.several')
  const fresh = of('waiting') - same - other - several
  const refused = of('refused')
  if (duplicates === 'new') {
    const twice = of('refused.file')
    return { create: fresh + same + other + several + twice, update: 0, skip: 0, refuse: refused - twice }
  }
  if (duplicates === 'skip') return { create: fresh, update: 0, skip: same + other + several, refuse: refused }
  const updated = rename ? same + other : same
  return { create: fresh, update: updated, skip: 0, refuse: refused + several + (rename ? 0 : other) }
}
