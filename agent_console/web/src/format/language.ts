/** A language (BCP 47 tag, as `zh-CN`) by its name in the reader's own; what is no tag stays as it is. */
export function language(tag: string, locale: string): string {
  if (!tag) return tag
  try {
    return new Intl.DisplayNames([locale], { type: 'language' }).of(tag) ?? tag
  } catch {
    return tag
  }
}
