let context: AudioContext | null = null

/** How loud a stream is now. */
export class Meter {
  #source: MediaStreamAudioSourceNode
  #analyser: AnalyserNode
  #samples: Float32Array<ArrayBuffer>

  constructor(stream: MediaStream) {
    context ??= new AudioContext()
    if (context.state === 'suspended') void context.resume()
    this.#source = context.createMediaStreamSource(stream)
    this.#analyser = context.createAnalyser()
    this.#analyser.fftSize = 1024
    this.#samples = new Float32Array(this.#analyser.fftSize)
    this.#source.connect(this.#analyser)
  }

  /** 0 (nothing) to 1 (very loud), as ears count: 60 dB are the whole scale. */
  level(): number {
    this.#analyser.getFloatTimeDomainData(this.#samples)
    const power = this.#samples.reduce((sum, value) => sum + value * value, 0) / this.#samples.length
    return power === 0 ? 0 : Math.min(1, Math.max(0, 1 + (10 * Math.log10(power)) / 60))
  }

  /** Whether there is any signal within this time, be it the faintest noise. */
  async heard(ms: number): Promise<boolean> {
    const end = performance.now() + ms
    while (performance.now() < end) {
      this.#analyser.getFloatTimeDomainData(this.#samples)
      if (this.#samples.some((value) => value !== 0)) return true
      await new Promise((go) => setTimeout(go, 20))
    }
    return false
  }

  close(): void {
    this.#source.disconnect()
  }
}
