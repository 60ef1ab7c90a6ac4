/** Proof of work: what makes a flood of visitors dear, and one visitor hardly notices. */
import { sha256 } from './sha256'

/** Milliseconds of work between two breaths of the page. */
const STRETCH = 12

/** Leading zero bits of a digest. */
export function zeroBits(words: readonly number[]): number {
  let bits = 0
  for (const word of words) {
    const zeros = Math.clz32(word)
    bits += zeros
    if (zeros < 32) break
  }
  return bits
}

/** An answer so that `sha256(challenge + answer)` begins with so many zero bits. Leaves the page its time to breathe. */
export async function work(challenge: string, bits: number): Promise<string> {
  const encoder = new TextEncoder()
  let began = performance.now()
  for (let next = 0; ; next++) {
    const answer = next.toString(36)
    if (zeroBits(sha256(encoder.encode(challenge + answer))) >= bits) return answer
    if (performance.now() - began > STRETCH) {
      await new Promise((resolve) => setTimeout(resolve))
      began = performance.now()
    }
  }
}
