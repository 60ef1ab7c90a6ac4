/** What people in a service chat use, by likelihood; names are for screen readers and for finding. */
// prettier-ignore
export const EMOJI: [string, string][] = [
  ['🙂', 'smile'], ['😊', 'happy'], ['😀', 'grin'], ['😉', 'wink'], ['😅', 'phew'], ['😂', 'laugh'],
  ['😍', 'love'], ['🤔', 'thinking'], ['😕', 'unsure'], ['😢', 'sad'], ['😮', 'surprised'], ['🙄', 'eyeroll'],
  ['👍', 'yes'], ['👎', 'no'], ['👌', 'ok'], ['🙏', 'please'], ['👋', 'hello'], ['👏', 'bravo'],
  ['💪', 'strong'], ['🤝', 'deal'], ['❤️', 'heart'], ['🎉', 'party'], ['✨', 'sparkles'], ['⭐', 'star'],
  ['✅', 'done'], ['❌', 'wrong'], ['⚠️', 'warning'], ['❓', 'question'], ['❗', 'important'], ['💡', 'idea'],
  ['📦', 'parcel'], ['🚚', 'delivery'], ['📞', 'phone'], ['📧', 'mail'], ['📎', 'clip'], ['📄', 'document'],
  ['💳', 'card'], ['🧾', 'receipt'], ['🔑', 'key'], ['🔒', 'lock'], ['🕐', 'clock'], ['📅', 'calendar'],
]
