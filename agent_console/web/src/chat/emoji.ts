/** What people in a service chat use, by likelihood; the names, English and Chinese, are for screen readers. */
// prettier-ignore
export const EMOJI: [emoji: string, en: string, zh: string][] = [
  ['🙂', 'smile', '微笑'], ['😊', 'happy', '开心'], ['😀', 'grin', '大笑'], ['😉', 'wink', '眨眼'],
  ['😅', 'phew', '尴尬'], ['😂', 'laugh', '笑哭'], ['😍', 'love', '喜爱'], ['🤔', 'thinking', '思考'],
  ['😕', 'unsure', '困惑'], ['😢', 'sad', '难过'], ['😮', 'surprised', '惊讶'], ['🙄', 'eyeroll', '无奈'],
  ['👍', 'yes', '赞'], ['👎', 'no', '反对'], ['👌', 'ok', '好的'], ['🙏', 'please', '拜托'],
  ['👋', 'hello', '你好'], ['👏', 'bravo', '鼓掌'], ['💪', 'strong', '加油'], ['🤝', 'deal', '握手'],
  ['❤️', 'heart', '爱心'], ['🎉', 'party', '庆祝'], ['✨', 'sparkles', '闪亮'], ['⭐', 'star', '星星'],
  ['✅', 'done', '完成'], ['❌', 'wrong', '错误'], ['⚠️', 'warning', '警告'], ['❓', 'question', '问号'],
  ['❗', 'important', '重要'], ['💡', 'idea', '主意'], ['📦', 'parcel', '包裹'], ['🚚', 'delivery', '配送'],
  ['📞', 'phone', '电话'], ['📧', 'mail', '邮件'], ['📎', 'clip', '附件'], ['📄', 'document', '文件'],
  ['💳', 'card', '银行卡'], ['🧾', 'receipt', '收据'], ['🔑', 'key', '钥匙'], ['🔒', 'lock', '锁'],
  ['🕐', 'clock', '时间'], ['📅', 'calendar', '日历'],
]
