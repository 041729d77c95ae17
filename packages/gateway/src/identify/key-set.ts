import { importKeyRecord, PopError, type KeyRecord } from '@pop-api/protocol'

/** The signature keys of the identity provider, kept fresh (security.md, fail modes). */
export interface KeySet {
  readonly find: (kid: string) => KeyRecord | undefined
  /**
   * Resolves once a refetch that began after this call has ended. Calls share one, at most one a second begins. Throws
   * `identity-unavailable` when it fails; the old keys stay.
   */
  readonly refetch: () => Promise<void>
  /** Throws `identity-unavailable` when the keys are older than an hour, or were never there. */
  readonly assertFresh: (nowMs: number) => void
}

export interface KeySetOptions {
  /** Gets the JWKS document, already parsed. Rejects when it cannot be had. */
  readonly fetchKeys: () => Promise<unknown>
  readonly nowMs: () => number
  readonly wait: (ms: number) => Promise<void>
}

const staleMsMax = 3_600_000
const refetchMsMin = 1000

export function createKeySet({ fetchKeys, nowMs, wait }: KeySetOptions): KeySet {
  let keys: ReadonlyMap<string, KeyRecord> = new Map()
  let shown = ''
  let fetchedMs: number | undefined
  let begunMs = Number.NEGATIVE_INFINITY
  let waiting: Promise<void> | undefined
  /** Fetches are counted: the answer of an earlier one says what was, however late it comes. */
  let begun = 0
  let applied = 0
  /** Why the last fetch failed, for the operator. */
  let fault: unknown
  return {
    find: (kid) => keys.get(kid),
    refetch: () => (waiting ??= begin()),
    assertFresh: (now) => {
      if (fetchedMs === undefined || now - fetchedMs > staleMsMax) throw unavailable(fault)
    },
  }

  async function begin(): Promise<void> {
    await wait(Math.max(0, begunMs + refetchMsMin - nowMs()))
    begunMs = nowMs()
    // From here on a caller comes too late for this fetch: the provider may have rotated meanwhile.
    waiting = undefined
    const turn = ++begun
    try {
      const document = await fetchKeys()
      if (turn < applied) return
      const text = JSON.stringify(document)
      // The same document keeps the same records: what was verified with them need not be verified again.
      if (text !== shown) keys = readKeys(document)
      applied = turn
      shown = text
      fetchedMs = nowMs()
      fault = undefined
    } catch (cause) {
      fault = cause
      throw unavailable(cause)
    }
  }
}

function readKeys(document: unknown): ReadonlyMap<string, KeyRecord> {
  const list: unknown = typeof document === 'object' && document !== null ? Reflect.get(document, 'keys') : undefined
  if (!Array.isArray(list)) throw new TypeError('The key set has no list "keys".')
  const records = list.map(importKeyRecord).filter((record) => record !== undefined)
  if (records.length === 0) throw new TypeError('The key set has no key that verifies signatures.')
  return new Map(records.map((record) => [record.kid, record]))
}

function unavailable(cause: unknown): PopError {
  return new PopError('identity-unavailable', 'The keys of the identity provider cannot be had now.', {
    cause,
    headers: { 'retry-after': '5' },
  })
}
