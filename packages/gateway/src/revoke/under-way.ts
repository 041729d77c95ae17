import { PopError } from '@pop-api/protocol'
import type { Caller } from '../identify/caller.ts'
import { tokenError } from '../identify/token-error.ts'

/** One request that was handed to a module, or is about to be. */
export interface Flow {
  /** Says how it can be cut, in place of what was said before; called at once where it was cut already. */
  readonly onCut: (cut: (refusal: PopError) => void) => void
  /** Nothing of it is to come. */
  readonly end: () => void
}

/** Whom a revocation would meet: for an operator who wants to know before. */
interface Met {
  /** Requests under way. */
  readonly under_way: number
  /** Tokens that were used within the last hour, and the readable names of their holders. */
  readonly tokens: number
  readonly names: readonly string[]
}

/** Requests that modules work on, by their callers. */
export interface UnderWay {
  /** Notes one more. Throws `token-revoked` for a caller who was revoked since he was identified: a body may take its time. */
  readonly begin: (caller: Caller, isChange: boolean) => Flow
  /** Cuts every request whose caller is revoked by now. */
  readonly cutRevoked: () => void
  readonly meet: (isMeant: (caller: Caller) => boolean) => Met
}

interface Entry {
  readonly caller: Caller
  readonly isChange: boolean
  cut: ((refusal: PopError) => void) | undefined
  refusal: PopError | undefined
}

const seenMax = 10_000
const seenMsMax = 3_600_000
const namesMax = 20

/** Makes the notes. `isRevoked` says what holds now. */
export function noteUnderWay(isRevoked: (caller: Caller) => boolean, nowMs: () => number): UnderWay {
  const entries = new Set<Entry>()
  const seen = new Map<string, { readonly caller: Caller; atMs: number }>()
  return {
    begin: (caller, isChange) => {
      if (isRevoked(caller)) throw tokenError('token-revoked', 'The token has been revoked.')
      note(caller)
      const entry: Entry = { caller, isChange, cut: undefined, refusal: undefined }
      entries.add(entry)
      return {
        onCut: (cut) => {
          entry.cut = cut
          if (entry.refusal !== undefined) cut(entry.refusal)
        },
        end: () => void entries.delete(entry),
      }
    },
    cutRevoked: () => {
      for (const entry of entries) {
        if (entry.refusal !== undefined || !isRevoked(entry.caller)) continue
        entry.refusal = cutOff(entry.isChange)
        entry.cut?.(entry.refusal)
      }
    },
    meet: (isMeant) => {
      const since = nowMs() - seenMsMax
      const recent = [...seen.values()].filter(({ caller, atMs }) => atMs >= since && isMeant(caller))
      const names = [...new Set(recent.map(({ caller }) => caller.name))].sort()
      return {
        under_way: [...entries].filter(({ caller }) => isMeant(caller)).length,
        tokens: recent.length,
        names: names.slice(0, namesMax),
      }
    },
  }

  function note(caller: Caller): void {
    const known = seen.get(caller.jti)
    if (known?.caller === caller) {
      known.atMs = nowMs()
      return
    }
    const [oldest] = seen.keys()
    if (seen.size >= seenMax && oldest !== undefined) seen.delete(oldest)
    seen.set(caller.jti, { caller, atMs: nowMs() })
  }
}

/** What was begun for him may have happened: who asked for a change is told that nobody knows. */
function cutOff(isChange: boolean): PopError {
  return new PopError('token-revoked', 'The token was revoked while this request was under way.', {
    headers: { 'www-authenticate': 'Bearer realm="pop-api", error="invalid_token"' },
    members: isChange ? { outcome: 'unknown' } : {},
  })
}
