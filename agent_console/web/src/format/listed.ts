/** Names one after the other, with the comma of the language. */
export const listed = (names: readonly string[], locale: string): string =>
  names.join(locale.startsWith('zh') ? '、' : ', ')
