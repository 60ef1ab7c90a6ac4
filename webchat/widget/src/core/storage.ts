/** What the browser keeps for one site: `localStorage`, or memory where it is forbidden (then for this page only). */

export interface Box {
  get<T>(name: string): T | null
  set(name: string, value: unknown): void
  drop(name: string): void
  /** All names that begin so. */
  names(prefix: string): string[]
}

export interface RawStorage {
  readonly length: number
  key(index: number): string | null
  getItem(name: string): string | null
  setItem(name: string, value: string): void
  removeItem(name: string): void
}

export class MemoryStorage implements RawStorage {
  private readonly kept = new Map<string, string>()
  get length(): number {
    return this.kept.size
  }
  key(index: number): string | null {
    return [...this.kept.keys()][index] ?? null
  }
  getItem(name: string): string | null {
    return this.kept.get(name) ?? null
  }
  setItem(name: string, value: string): void {
    this.kept.set(name, value)
  }
  removeItem(name: string): void {
    this.kept.delete(name)
  }
}

/** The storage if it can be written to. */
export function usable(storage: () => RawStorage): RawStorage {
  try {
    const found = storage()
    found.setItem('callweave?', '1')
    found.removeItem('callweave?')
    return found
  } catch {
    return new MemoryStorage()
  }
}

export function box(storage: RawStorage, prefix: string): Box {
  return {
    get<T>(name: string): T | null {
      try {
        const text = storage.getItem(prefix + name)
        return text === null ? null : (JSON.parse(text) as T)
      } catch {
        return null
      }
    },
    set(name, value) {
      try {
        storage.setItem(prefix + name, JSON.stringify(value))
      } catch {
        // Full: it is lost with the page, not before.
      }
    },
    drop(name) {
      storage.removeItem(prefix + name)
    },
    names(start) {
      const found: string[] = []
      for (let index = 0; index < storage.length; index++) {
        const key = storage.key(index)
        if (key?.startsWith(prefix + start)) found.push(key.slice(prefix.length))
      }
      return found
    },
  }
}
