import { randomBytes } from 'node:crypto'
import type { DevUser } from '../dev-users.ts'
import { encodeBase32, verifyTotp } from '../totp.ts'
import type { AccountBook } from './account-book.ts'
import { judgeTry, type LockoutRules, type Proof } from './lockout.ts'
import { passwordBook } from './password-book.ts'

/** What a client shows for a user. Untrusted. */
interface Credentials {
  readonly username: string
  readonly password: string
  readonly code: string | undefined
}

/** Who has signed in, and whether a second factor was shown. */
export interface SignedIn {
  readonly user: DevUser
  readonly secondFactor: boolean
}

/** Undefined is every refusal: wrong or unknown name, password, code, and locked account look and cost the same. */
export type SignIn = (credentials: Credentials) => Promise<SignedIn | undefined>

export interface SignInOptions {
  readonly users: readonly DevUser[]
  readonly accounts: AccountBook
  readonly lockout: LockoutRules
  readonly requireSecondFactor: boolean
  /** Milliseconds since 1970. */
  readonly now: () => number
  /** Told why a sign-in was refused, for operators alone: the client never learns. `account` is untrusted text. */
  readonly refused: (account: string, reason: SignInRefusal) => void
}

/** `locked-now`: this very try has locked the account. */
export type SignInRefusal = 'unknown-user' | 'wrong-password' | 'wrong-code' | 'no-code' | 'locked' | 'locked-now'

// The row that tries under unknown names write to, so that they write as well. No id of a user: those are UUIDs.
const nobody = 'nobody'

/** Prepares sign-in by exact user name; hashing the passwords takes some 50 ms each. */
export async function makeSignIn(options: SignInOptions): Promise<SignIn> {
  const { users, accounts, lockout, requireSecondFactor, now, refused } = options
  const byName = new Map(users.map((user) => [user.username, user]))
  const passwords = await passwordBook(new Map(users.map((user) => [user.id, user.password])))
  const decoySecret = encodeBase32(randomBytes(20))
  return async ({ username, password, code }) => {
    const user = byName.get(username)
    const accountId = user?.id ?? nobody
    const passwordFits = await passwords.verify(accountId, password)
    let reason: SignInRefusal | undefined
    const signedIn = accounts.update(accountId, (state) => {
      const nowMs = now()
      // A missing code costs what a wrong one does; it is looked at as one that cannot fit.
      const step = verifyTotp(user?.totp_secret ?? decoySecret, code ?? '', nowMs, state.lastStep)
      const proof = proofOf(passwordFits, code, step, requireSecondFactor)
      const judged = judgeTry(state, proof, lockout, nowMs)
      const result = judged.accepted && user !== undefined ? { user, secondFactor: step !== undefined } : undefined
      if (result === undefined) {
        const wasLocked = nowMs < state.lockedUntilMs
        if (user === undefined) reason = 'unknown-user'
        else if (wasLocked) reason = 'locked'
        else if (judged.state.lockedUntilMs > nowMs) reason = 'locked-now'
        else if (!passwordFits) reason = 'wrong-password'
        else reason = code === undefined ? 'no-code' : 'wrong-code'
      }
      return { state: judged.state, result }
    })
    if (reason !== undefined) refused(username, reason)
    return signedIn
  }
}

function proofOf(
  passwordFits: boolean,
  code: string | undefined,
  step: number | undefined,
  requireSecondFactor: boolean,
): Proof {
  if (!passwordFits) return { kind: 'wrong' }
  if (code !== undefined) return step === undefined ? { kind: 'wrong' } : { kind: 'right', step }
  return requireSecondFactor ? { kind: 'incomplete' } : { kind: 'right', step: undefined }
}
