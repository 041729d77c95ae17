import { refused, type Verdict } from '../verdict.ts'
import type { Trust } from './trust.ts'
import { verifyWit, type VerifiedWit } from './wit.ts'

/** Verified WITs under their exact text. Only what verified is kept, so a flood of bad tokens pushes nothing out. */
export interface WitCache {
  /** As `verifyWit`; the end of the token and the state of its issuer's key are looked at on each use. */
  readonly verify: (token: string, trust: Trust, nowMs: number) => Verdict<VerifiedWit>
  readonly size: () => number
}

/** Makes a cache of at most `entriesMax` tokens; the one that was added first gives way. */
export function createWitCache(entriesMax: number): WitCache {
  const entries = new Map<string, { readonly ok: true; readonly value: VerifiedWit }>()
  return { verify, size: () => entries.size }

  function verify(token: string, trust: Trust, nowMs: number): Verdict<VerifiedWit> {
    const entry = entries.get(token)
    if (entry === undefined) return verifyAndKeep(token, trust, nowMs)
    const wit = entry.value
    if (wit.exp * 1000 <= nowMs) {
      entries.delete(token)
      return refused('seal-wit', 'The workload token has expired.')
    }
    // A kid is only a name: the key behind it must still be the very one that verified this token.
    if (trust.domain !== wit.id.domain || trust.witIssuer(wit.issuerKid)?.fingerprint !== wit.issuerFingerprint) {
      entries.delete(token)
      return refused('seal-wit', 'The issuer key of the workload token is no longer trusted.')
    }
    return entry
  }

  function verifyAndKeep(token: string, trust: Trust, nowMs: number): Verdict<VerifiedWit> {
    const verdict = verifyWit(token, trust, nowMs)
    if (!verdict.ok) return verdict
    if (entries.size >= entriesMax) {
      const [oldest] = entries.keys()
      if (oldest !== undefined) entries.delete(oldest)
    }
    entries.set(token, verdict)
    return verdict
  }
}
