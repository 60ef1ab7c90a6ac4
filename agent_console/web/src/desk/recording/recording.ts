import type { InteractionView, PbxView, RecordingPolicies, RecordingRule, RecordingView } from '@/wire'

export type Button = 'start' | 'stop' | 'pause' | 'resume'
/** Why a button cannot work now: a name under `recording.why`; `null`: it can. */
export type Why = 'offline' | 'off' | 'never' | 'always' | 'user' | null

/** The recording that is written now; of several, one that is not paused: that is what people must know. */
export const running = (interaction: InteractionView | undefined): RecordingView | undefined =>
  interaction?.recordings.find((one) => one.state === 'on') ??
  interaction?.recordings.find((one) => one.state === 'paused')

/** What holds for the calls of this queue. */
export function ruleOf(
  policies: RecordingPolicies | null,
  interaction: Pick<InteractionView, 'pbx' | 'queue'>,
): Pick<RecordingRule, 'policy' | 'consent'> {
  const found = policies?.rules.find((rule) =>
    interaction.queue === null ? rule.queue === null : rule.queue === interaction.queue && rule.pbx === interaction.pbx,
  )
  return found ?? { policy: 'on_demand', consent: false }
}

export interface Situation {
  live: boolean
  policies: RecordingPolicies | null
  interaction: InteractionView
  pbx: PbxView | undefined
}

/** The buttons that make sense now, in their order. */
export function buttonsFor(recording: RecordingView | undefined): Button[] {
  if (!recording) return ['start']
  return [recording.state === 'paused' ? 'resume' : 'pause', 'stop']
}

/** Why this button cannot work in this situation. */
export function whyNot(button: Button, now: Situation): Why {
  if (!now.live) return 'offline'
  const { policy } = ruleOf(now.policies, now.interaction)
  if (button === 'stop') return policy === 'always' ? 'always' : null
  if (button !== 'start') return null
  if (policy === 'never') return 'never'
  if (!now.policies?.configured) return 'off'
  return now.pbx?.can_record === false ? 'user' : null
}

/** Seconds until the pause ends by itself; `null`: it does not, or there is none. */
export function secondsLeft(recording: RecordingView | undefined, now: number): number | null {
  const gap = recording?.gaps.at(-1)
  if (recording?.state !== 'paused' || !gap || gap.until === null) return null
  return Math.max(0, Math.floor(gap.until - now))
}
