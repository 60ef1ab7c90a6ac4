/** The texts of a record's fields in a merge, and of their values. */
export function useFieldText(t: (key: string) => string, te: (key: string) => boolean) {
  const field = (name: string) =>
    te(`identity.field.${name}`) ? t(`identity.field.${name}`) : name.replace(/^fields\./, '')
  const value = (of: unknown) => {
    if (of === null || of === undefined || of === '') return '–'
    if (of === true) return t('identity.yes')
    if (of === false) return t('identity.no')
    return String(of)
  }
  return { field, value }
}

/** What is taken from the merged record, as the server wants it. */
export function taken(choices: Record<string, 'kept' | 'merged'>): string[] {
  return Object.keys(choices).filter((name) => choices[name] === 'merged')
}
