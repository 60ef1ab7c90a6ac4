/** Arrows walk through the rows of a table. */
export function walk(event: KeyboardEvent, by: 1 | -1): void {
  const row = event.currentTarget as HTMLElement
  if (event.target !== row) return
  const next = by > 0 ? row.nextElementSibling : row.previousElementSibling
  if (next instanceof HTMLElement) {
    event.preventDefault()
    next.focus()
  }
}
