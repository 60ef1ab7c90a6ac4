import { Meter } from './meter'

/** `silent`: it works and gives nothing at all, as with a mute switch on the headset. */
export type MicState = 'unknown' | 'asking' | 'good' | 'silent' | 'denied' | 'missing' | 'busy' | 'gone' | 'insecure'

/** These let an agent talk. Silence is only a warning: noise suppression makes a quiet room silent too. */
export const usable = (state: MicState): boolean => state === 'good' || state === 'silent'

export interface MicSettings {
  device: string
  /** Echo cancellation, noise suppression, automatic gain. */
  clean: boolean
}

const LISTEN_MS = 400

/** What a refusal of `getUserMedia` means. */
export function stateOfError(name: string): MicState {
  if (name === 'NotAllowedError' || name === 'SecurityError') return 'denied'
  if (name === 'NotFoundError' || name === 'OverconstrainedError') return 'missing'
  return 'busy'
}

/** One capture for the whole telephone (a browser has 16 of them); calls speak with clones of its track. */
export class Microphone {
  #stream: MediaStream | null = null
  #meter: Meter | null = null

  /** `gone`: it was unplugged, or taken away in the browser's settings. */
  constructor(private gone: () => void) {}

  get open(): boolean {
    return this.#stream?.getAudioTracks()[0]?.readyState === 'live'
  }

  get deviceId(): string {
    return this.#stream?.getAudioTracks()[0]?.getSettings().deviceId ?? ''
  }

  /** Ask for it and listen a moment. */
  async test(settings: MicSettings): Promise<MicState> {
    if (!navigator.mediaDevices) return 'insecure'
    try {
      const stream = await navigator.mediaDevices.getUserMedia({ audio: constraints(settings), video: false })
      this.close()
      this.#use(stream)
    } catch (error) {
      return stateOfError((error as DOMException).name)
    }
    return (await this.#meter!.heard(LISTEN_MS)) ? 'good' : 'silent'
  }

  clone(): MediaStreamTrack {
    const track = this.#stream?.getAudioTracks()[0]
    if (!track) throw new Error('no microphone')
    return track.clone()
  }

  /** 0 to 1. */
  level(): number {
    return this.#meter?.level() ?? 0
  }

  close(): void {
    this.#meter?.close()
    this.#meter = null
    for (const track of this.#stream?.getTracks() ?? []) {
      track.onended = null
      track.stop()
    }
    this.#stream = null
  }

  #use(stream: MediaStream): void {
    this.#stream = stream
    this.#meter = new Meter(stream)
    for (const track of stream.getAudioTracks()) track.onended = () => this.gone()
  }
}

function constraints({ device, clean }: MicSettings): MediaTrackConstraints {
  const processing = { echoCancellation: clean, noiseSuppression: clean, autoGainControl: clean }
  return device ? { ...processing, deviceId: { exact: device } } : processing
}
