import {
  identifyRevocation,
  isCount,
  isJsonObject,
  isPlainText,
  isRevocation,
  type BulletinPosition,
  type Revocation,
} from '@pop-api/protocol'

/** One line of `revocations.jsonl`. */
export type OwnLine =
  | { readonly revocation: Revocation }
  /** Control has taken it over: from this position on the bulletin carries it. */
  | ({ readonly told: string } & BulletinPosition)
  /** It is in force no more: an operator took it back. */
  | { readonly lifted: string }
  /** A message of the provider that must work once; `until` in seconds since 1970. */
  | { readonly once: string; readonly until: number }

/** Reads a line. Throws an Error for one that is none: to go on without it would let in what somebody has revoked. */
export function readOwnLine(line: unknown, place: string): OwnLine {
  const read = isJsonObject(line) ? (readLine(line) ?? readOldLine(line)) : undefined
  if (read !== undefined) return read
  throw new Error(`${place} is no revocation. Restore the file, or remove the line if you know what it was.`)
}

function readLine(line: Readonly<Record<string, unknown>>): OwnLine | undefined {
  const { revocation, told, epoch, sequence, lifted, once, until } = line
  if (isRevocation(revocation)) return { revocation }
  if (isPlainText(told, 64) && isCount(epoch) && isCount(sequence)) return { told, epoch, sequence }
  if (isPlainText(lifted, 64)) return { lifted }
  return isPlainText(once, 256) && isCount(until) ? { once, until } : undefined
}

/** As the first version wrote it, which told nobody else. */
function readOldLine({ kind, id, until }: Readonly<Record<string, unknown>>): OwnLine | undefined {
  if ((kind !== 'jti' && kind !== 'sid') || !isPlainText(id, 512) || !isCount(until)) return undefined
  const account = { reason: 'revoked before an update', by: 'gateway', at: 0 }
  return { revocation: identifyRevocation({ kind, value: id, until, account }) }
}
