import type { CrmPage, InteractionView } from '@/wire'

type Call = Pick<InteractionView, 'id' | 'pbx' | 'queue' | 'customer_id' | 'customer_address'>

/** The rule for this call: the first whose queue and PBX fit. */
export function ruleFor(rules: CrmPage[], call: Call): CrmPage | undefined {
  return rules.find(
    (rule) => (rule.queue === null || rule.queue === call.queue) && (rule.pbx === null || rule.pbx === call.pbx),
  )
}

const LOOPBACK = new Set(['localhost', '127.0.0.1', '[::1]'])

/** The address, unless it is one that we never open: the server checks too, but here it is opened. */
function safe(text: string): URL | null {
  const url = URL.canParse(text) ? new URL(text) : null
  if (!url || url.username || url.password) return null
  const here = url.protocol === 'http:' && LOOPBACK.has(url.hostname)
  return url.protocol === 'https:' || here ? url : null
}

/** `encodeURIComponent` throws at half a surrogate pair; a caller's text may hold one. */
const encoded = (value: string) =>
  // A path of dots alone leads upwards, however it is encoded.
  /^\.{1,2}$/.test(value)
    ? ''
    : encodeURIComponent(value.replace(/\p{Surrogate}/gu, '\ufffd')).replace(/[!'()*]/g, percent)
const percent = (sign: string) => `%${sign.charCodeAt(0).toString(16).toUpperCase()}`

/** The page of this call, or null where it may not be opened. Values are percent-encoded: none can leave its place. */
export function addressOf(template: string, call: Call, agent: string): string | null {
  const values: Record<string, string | null> = {
    e164: call.customer_address,
    customer_id: call.customer_id,
    interaction_id: call.id,
    queue: call.queue,
    pbx: call.pbx,
    agent,
  }
  if (/\{/.test(template.split(/[/?#]/, 3).join('/'))) return null
  const filled = template.replace(/\{([a-z0-9_]+)\}/g, (_, name: string) => encoded(values[name] ?? ''))
  const url = safe(filled)
  return url && url.origin === safe(template.replace(/\{[a-z0-9_]+\}/g, 'x'))?.origin ? url.href : null
}
