const PERIOD_SECONDS = 3
/** A soft major sixth, twice, then rest: audible through an office, no alarm. */
const STROKES = [
  { at: 0, hz: [659.26, 1108.73] },
  { at: 0.24, hz: [830.61, 1244.51] },
]

/** One short high stroke: something was written. */
const CHIME = [{ at: 0, hz: [987.77, 1479.98] }]
const CHIME_SECONDS = 0.7

function melody(context: AudioContext, strokes = STROKES, seconds = PERIOD_SECONDS): AudioBuffer {
  const rate = context.sampleRate
  const buffer = context.createBuffer(1, Math.round(rate * seconds), rate)
  const samples = buffer.getChannelData(0)
  for (const { at, hz } of strokes) {
    const start = Math.floor(at * rate)
    for (let i = start; i < samples.length; i++) {
      const t = (i - start) / rate
      const envelope = Math.min(1, t / 0.008) * Math.exp(-t * 4.5)
      const tone = hz.reduce((sum, one) => sum + Math.sin(2 * Math.PI * one * t), 0) / hz.length
      samples[i] = (samples[i] ?? 0) + 0.45 * envelope * tone
    }
  }
  return buffer
}

/** The ring of this tab. One looping buffer, so that a hidden tab's slow timers do not matter. */
export class Ringer {
  #context: AudioContext | null = null
  #gain: GainNode | null = null
  #buffer: AudioBuffer | null = null
  #chime: AudioBuffer | null = null
  #source: AudioBufferSourceNode | null = null
  #volume = 0.6

  /** Browsers give sound only after a gesture; true once they do. */
  async unlock(): Promise<boolean> {
    const context = (this.#context ??= new AudioContext())
    if (context.state === 'suspended') await Promise.race([context.resume(), new Promise((go) => setTimeout(go, 300))])
    if (!this.#gain) {
      this.#gain = context.createGain()
      this.#gain.connect(context.destination)
      this.#buffer = melody(context)
      this.volume = this.#volume
    }
    return context.state === 'running'
  }

  /** 0 to 1. */
  set volume(value: number) {
    this.#volume = value
    if (this.#gain) this.#gain.gain.value = value * value
  }

  start(loop = true): void {
    if (!this.#context || !this.#gain || this.#source) return
    const source = this.#context.createBufferSource()
    source.buffer = this.#buffer
    source.loop = loop
    source.connect(this.#gain)
    source.onended = () => {
      if (this.#source === source) this.#source = null
    }
    source.start()
    this.#source = source
  }

  /** Once, over whatever else sounds. */
  chime(): void {
    if (!this.#context || !this.#gain) return
    const source = this.#context.createBufferSource()
    source.buffer = this.#chime ??= melody(this.#context, CHIME, CHIME_SECONDS)
    source.connect(this.#gain)
    source.start()
  }

  stop(): void {
    this.#source?.stop()
    this.#source?.disconnect()
    this.#source = null
  }
}
