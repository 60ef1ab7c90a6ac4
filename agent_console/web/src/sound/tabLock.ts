/** Calls `got` when this tab is the one for `name` (it stays so until it closes); at once without Web Locks. */
export function beTheOne(name: string, got: () => void): void {
  if (!('locks' in navigator)) return got()
  void navigator.locks.request(name, () => {
    got()
    return new Promise<void>(() => {})
  })
}
