import type { Said } from '@/api/http'

/** Puts the server's sentences into the reader's language: our text for the code, else the server's own words. */
export function sayer(t: (key: string, params: Record<string, string>) => string, te: (key: string) => boolean) {
  return (message: string, { code, params }: Said): string =>
    code && te(`said.${code}`) ? t(`said.${code}`, params ?? {}) : message
}
