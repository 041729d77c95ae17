import { isCount, isJsonObject, isPlainText } from '../encoding/shape.ts'

/**
 * An operator's order to forget the failed sign-ins of an account, for the gateways that count them by network. Who gave it stands in
 * control's audit log.
 */
export interface Unlock {
  /** One of the names that people sign in with: the username, or the e-mail address. */
  readonly name: string
  /** Milliseconds since 1970; another than before where the same is ordered again. */
  readonly at: number
  /** Milliseconds since 1970: from then on no failure that was there at `at` counts anywhere. */
  readonly until: number
}

/** How many may be live at once. The oldest makes room: gateways that are there have heard of it. */
export const unlocksMax = 1_000

/** True for a list of the section `incidents`. Untrusted input. */
export function isUnlocks(value: unknown): value is readonly Unlock[] {
  return Array.isArray(value) && value.length <= unlocksMax && value.every(isUnlock)
}

function isUnlock(value: unknown): value is Unlock {
  if (!isJsonObject(value)) return false
  const { name, at, until } = value
  return isPlainText(name, 255) && isCount(at) && isCount(until)
}
