import { join } from 'node:path'
import {
  identifyRevocation,
  indexRevocations,
  PopError,
  shareOf,
  type BulletinPosition,
  type Revocation,
  type RevocationFacts,
  type RevocationIndex,
} from '@pop-api/protocol'
import { openLines, readLines } from './durable-lines.ts'
import { createOwnBook } from './own-book.ts'
import { readOwnLine, type OwnLine } from './own-line.ts'

/** A message that must work once, until it has ended by itself. Seconds since 1970. */
export interface OneUse {
  readonly id: string
  readonly until: number
}

/** What the endpoints of this gateway revoked: on its disk, and kept until it has ended, also once control knows of it. */
export interface OwnList {
  readonly index: () => RevocationIndex
  /**
   * In force at once, on the disk and queued for control when it resolves. `used` where the message that says so was used before:
   * then nothing happens. Throws `revocation-unavailable` where it cannot be kept (it is in force all the same until the next start),
   * and `rate-limited` where one holder has revoked too many tokens or sessions.
   */
  readonly add: (facts: readonly RevocationFacts[], once?: OneUse) => Promise<'added' | 'used'>
  /** Up to so many that control has not acknowledged: what was put behind comes last, else the oldest first. */
  readonly waiting: (atMost: number) => readonly Revocation[]
  /** True where one waits that was never put behind. */
  readonly isFreshWaiting: () => boolean
  /** Puts one behind the others that wait. */
  readonly postpone: (id: string) => void
  /** Notes that control has taken them over. */
  readonly acknowledge: (ids: readonly string[], position: BulletinPosition) => Promise<void>
  /** Compares with what the bulletin says at a position: drops what was taken back, and queues anew what control lost. */
  readonly compare: (listed: ReadonlySet<string>, position: BulletinPosition) => Promise<void>
  readonly [Symbol.asyncDispose]: () => Promise<void>
}

/** Far more than any gateway should have to keep; one more is refused, and none is dropped for it. */
const ownMax = 100_000
const usedMax = 100_000
/** So many tokens, and so many sessions, of one holder. */
const shareMax = 1_000

/** Opens the list of a home (0700): `revocations.jsonl`. Throws an Error for a whole line that is none. */
export async function openOwnList(home: string, nowMs: () => number): Promise<OwnList> {
  const path = join(home, 'revocations.jsonl')
  const book = createOwnBook()
  const { entries, used } = book
  const sweep = (): void => book.sweep(Math.floor(nowMs() / 1000))
  for (const [at, line] of (await readLines(path)).entries()) book.apply(readOwnLine(line, `${path}:${at + 1}`))
  sweep()
  let index = indexRevocations(book.revocations())
  const file = await openLines(path, book.lines)
  const isFull = (more: number): boolean => entries.size + more > ownMax || used.size >= usedMax
  const isTooMany = (facts: RevocationFacts): boolean => {
    const share = shareOf(facts)
    return share !== undefined && book.countOf(share) >= shareMax && !entries.has(identifyRevocation(facts).id)
  }
  const write = async (lines: readonly OwnLine[]): Promise<void> => {
    for (const line of lines) book.apply(line)
    if (lines.length > 0) await file.append(lines)
  }
  return {
    index: () => index,
    add: async (facts, once) => {
      if (once !== undefined && used.has(once.id)) return 'used'
      if (isFull(facts.length) || facts.some(isTooMany)) sweep()
      if (facts.some(isTooMany)) throw tooMany()
      if (isFull(facts.length)) throw unavailable()
      const added = facts.map(identifyRevocation)
      for (const revocation of added) index.add(revocation)
      try {
        const message = once === undefined ? [] : [{ once: once.id, until: once.until }]
        await write([...added.map((revocation) => ({ revocation })), ...message])
      } catch (cause) {
        // Who was told that it failed comes again with the same message.
        if (once !== undefined) book.release(once.id)
        throw unavailable(cause)
      }
      return 'added'
    },
    waiting: (atMost) => book.waiting.all().take(atMost).toArray(),
    isFreshWaiting: book.waiting.hasFresh,
    postpone: book.waiting.postpone,
    acknowledge: (ids, { epoch, sequence }) => write(ids.map((told) => ({ told, epoch, sequence }))),
    compare: async (listed, position) => {
      const lines: OwnLine[] = []
      for (const [id, { told, revocation }] of entries) {
        if (told === undefined || listed.has(id)) continue
        // A higher epoch says that control came back from an older copy of its store.
        if (told.epoch < position.epoch) lines.push({ revocation })
        else if (told.epoch === position.epoch && told.sequence <= position.sequence) lines.push({ lifted: id })
      }
      await write(lines)
      if (lines.length > 0) index = indexRevocations(book.revocations())
    },
    [Symbol.asyncDispose]: () => file[Symbol.asyncDispose](),
  }
}

function tooMany(): PopError {
  const detail =
    'So many tokens or sessions of one holder are revoked already: end the session at POST /oauth/logout, or the account.'
  return new PopError('rate-limited', detail, { headers: { 'retry-after': '60' } })
}

function unavailable(cause?: unknown): PopError {
  const headers = { 'retry-after': '5' }
  return new PopError('revocation-unavailable', 'This gateway cannot keep the revocation now.', { cause, headers })
}
