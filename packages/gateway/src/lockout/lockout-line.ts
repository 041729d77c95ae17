import { isCount, isJsonObject, isPlainText, type JsonObject } from '@pop-api/protocol'

/** An account as somebody tries it from one network. */
export interface Pair {
  /** `accountKey()`, or `*` where a network has tried so many that the rest count together. */
  readonly account: string
  readonly network: string
}

/** Failures by the spelling of the name under which they came. */
export type Failures = Readonly<Record<string, number>>

/** One line of `lockout.jsonl`. Each says the whole of what it is about, so that reading it twice changes nothing. */
export type LockoutLine =
  /** What a pair has failed; nothing: it is forgotten. `at`: its last failure, milliseconds since 1970. */
  | (Pair & { readonly failures: Failures; readonly at: number })
  /** An order to unlock that was carried out, so that it is not carried out again. */
  | { readonly unlocked: string; readonly account: string }

/** As many as the settings can ask for. */
const failuresMax = 1_000

/** Reads a line. Throws an Error for one that is none: to go on without it would forget what somebody has failed. */
export function readLockoutLine(line: unknown, place: string): LockoutLine {
  const read = isJsonObject(line) ? readLine(line) : undefined
  if (read !== undefined) return read
  throw new Error(`${place} is no line of a lockout. Restore the file, or remove the line if you know what it was.`)
}

function readLine({ account, network, failures, at, unlocked }: JsonObject): LockoutLine | undefined {
  if (!isPlainText(account, 64)) return undefined
  if (isPlainText(unlocked, 64)) return { unlocked, account }
  return isPlainText(network, 64) && isFailures(failures) && isCount(at)
    ? { account, network, failures, at }
    : undefined
}

function isFailures(value: unknown): value is Failures {
  if (!isJsonObject(value)) return false
  const entries = Object.entries(value)
  return entries.length <= failuresMax && entries.every(([tag, count]) => tag.length <= 64 && isCount(count))
}
