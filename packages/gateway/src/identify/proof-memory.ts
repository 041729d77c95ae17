import { hash } from 'node:crypto'
import { proofAgeSecondsMax, proofAheadSecondsMax, type VerifiedProof } from '@pop-api/protocol'

/** The proofs that were taken, each for as long as it could be taken again. */
export interface ProofMemory {
  /**
   * Remembers a verified proof of a caller. `fresh` is the only answer with which it may be taken; `known` is a replay. `full` and
   * `unknowable` say that it cannot be told: there is no room, or the proof may have been used before this process began.
   */
  readonly remember: (subject: string, proof: VerifiedProof, nowMs: number) => 'fresh' | 'known' | 'full' | 'unknowable'
}

export interface ProofMemoryOptions {
  /** Of all callers together. */
  readonly proofsMax: number
  /** Of one caller. */
  readonly perCallerMax: number
  /** When this process began; what it took before a crash is forgotten. */
  readonly startedMs: number
}

/** How much longer a proof is remembered, for a clock that is set back. */
const graceSeconds = 5

/**
 * Makes a memory of bounded size. Nothing is ever pushed out of it: what comes when it is full is refused, so that no flood brings
 * back a proof that was used. A caller fills his own share and no more, and only a verified proof for a verified token gets here.
 */
export function createProofMemory({ proofsMax, perCallerMax, startedMs }: ProofMemoryOptions): ProofMemory {
  const known = new Set<string>()
  const shares = new Map<string, number>()
  const bySecond = new Map<number, { readonly name: string; readonly subject: string }[]>()
  let forgottenUpTo = 0
  // The process before may have taken a proof of a clock that was ahead until the moment it ended.
  const firstMs = startedMs + proofAheadSecondsMax * 1000
  return {
    remember: (subject, { jti, iat, thumbprint }, nowMs) => {
      forget(Math.floor(nowMs / 1000))
      const second = iat + proofAgeSecondsMax + graceSeconds
      if (iat * 1000 <= firstMs || second <= forgottenUpTo) return 'unknowable'
      // Of one length, whatever a client calls its proofs.
      const name = hash('sha256', `${thumbprint} ${jti}`, 'base64url')
      if (known.has(name)) return 'known'
      const share = shares.get(subject) ?? 0
      if (known.size >= proofsMax || share >= perCallerMax) return 'full'
      known.add(name)
      shares.set(subject, share + 1)
      const group = bySecond.get(second)
      if (group === undefined) bySecond.set(second, [{ name, subject }])
      else group.push({ name, subject })
      return 'fresh'
    },
  }

  function forget(nowSecond: number): void {
    if (nowSecond <= forgottenUpTo) return
    for (const [second, group] of bySecond) {
      if (second > nowSecond) continue
      for (const { name, subject } of group) {
        known.delete(name)
        const left = (shares.get(subject) ?? 1) - 1
        if (left === 0) shares.delete(subject)
        else shares.set(subject, left)
      }
      bySecond.delete(second)
    }
    forgottenUpTo = nowSecond
  }
}
