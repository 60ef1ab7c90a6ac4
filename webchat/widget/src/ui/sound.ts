/** Two short tones; nothing is loaded. Silent until the visitor has touched the page (the browser's rule). */
let context: AudioContext | null = null

export function chime(): void {
  try {
    context ??= new AudioContext()
    const start = context.currentTime
    for (const [index, pitch] of [660, 880].entries()) {
      const tone = context.createOscillator()
      const volume = context.createGain()
      const at = start + index * 0.12
      tone.frequency.value = pitch
      volume.gain.setValueAtTime(0.0001, at)
      volume.gain.exponentialRampToValueAtTime(0.12, at + 0.02)
      volume.gain.exponentialRampToValueAtTime(0.0001, at + 0.25)
      tone.connect(volume).connect(context.destination)
      tone.start(at)
      tone.stop(at + 0.26)
    }
  } catch {
    // No sound here.
  }
}
