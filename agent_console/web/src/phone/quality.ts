/** What one look at a call's statistics says; counters since its start, times in seconds. */
export interface Sample {
  at: number
  received: number
  lost: number
  jitter: number
  roundTrip: number | null
  /** Share (0 to 1) of our packets that the other side missed. */
  lostThere: number | null
}

export type Quality = 'good' | 'poor'
export type Trouble = 'loss' | 'jitter' | 'delay' | 'silence'

/** Above these people hear it (ITU-T G.107 and G.114 give the orders of magnitude). */
const LOSS = 0.03
const JITTER_SECONDS = 0.05
const ROUND_TRIP_SECONDS = 0.4

interface Stat {
  type: string
  kind?: string
  timestamp: number
  packetsReceived?: number
  packetsLost?: number
  jitter?: number
  roundTripTime?: number
  fractionLost?: number
}

export function sampleOf(report: { forEach(take: (stat: Stat) => void): void }): Sample {
  const sample: Sample = { at: 0, received: 0, lost: 0, jitter: 0, roundTrip: null, lostThere: null }
  report.forEach((stat) => {
    if (stat.type === 'inbound-rtp' && stat.kind === 'audio') {
      sample.at = stat.timestamp / 1000
      sample.received = stat.packetsReceived ?? 0
      sample.lost = stat.packetsLost ?? 0
      sample.jitter = stat.jitter ?? 0
    }
    if (stat.type === 'remote-inbound-rtp' && stat.kind === 'audio') {
      sample.roundTrip = stat.roundTripTime ?? null
      sample.lostThere = stat.fractionLost ?? null
    }
  })
  return sample
}

/** What was wrong between two looks; null: nothing. Nothing received at all is `silence` (not on hold: do not ask then). */
export function troubleBetween(before: Sample, now: Sample): Trouble | null {
  const received = now.received - before.received
  const lost = Math.max(0, now.lost - before.lost)
  if (received === 0) return 'silence'
  if (lost / (received + lost) > LOSS || (now.lostThere ?? 0) > LOSS) return 'loss'
  if (now.jitter > JITTER_SECONDS) return 'jitter'
  if ((now.roundTrip ?? 0) > ROUND_TRIP_SECONDS) return 'delay'
  return null
}
