import type { ChatLineMail } from '@/wire'

const ANSWER = /^(re|aw|sv|antw|回复|答复|回覆|答覆)\s*[:：]/i
const TOKEN = /\s*\[chat-[0-9a-f]{32}\]/gi

/** What a letter is about, where it says something new: an answer repeats what the conversation is about anyway. */
export function subjectOf(mail: Pick<ChatLineMail, 'subject'> | undefined): string {
  const subject = (mail?.subject ?? '').replace(TOKEN, '').trim()
  return ANSWER.test(subject) ? '' : subject
}
