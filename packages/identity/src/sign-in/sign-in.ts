import { randomBytes } from 'node:crypto'
import type { DevUser } from '../dev-users.ts'
import { encodeBase32, verifyTotp } from '../totp.ts'
import type { AccountBook } from './account-book.ts'
import { judgeTry, type LockoutRules, type Proof } from './lockout.ts'
import { passwordBook } from './password-book.ts'
import type { SecondFactors } from './second-factors.ts'

/** What somebody shows for a user. Untrusted. */
interface Credentials {
  readonly username: string
  readonly password: string
  readonly code: string | undefined
  /** A second factor is asked for here whatever the settings say. */
  readonly needsSecondFactor?: boolean
}

/** Who has signed in, and whether a second factor was shown. */
export interface SignedIn {
  readonly user: DevUser
  readonly secondFactor: boolean
}

/**
 * `refused`: wrong or unknown name, password, code, and locked account look and cost the same. `enrolment-due`: the password is
 * right, a second factor is needed and the user has none yet; nobody is signed in by that.
 */
type SignInOutcome =
  | ({ readonly kind: 'accepted' } & SignedIn)
  | { readonly kind: 'enrolment-due'; readonly user: DevUser }
  | { readonly kind: 'refused' }

/** `taken`: the account has got a second factor meanwhile. */
type EnrolmentOutcome = 'enrolled' | 'refused' | 'taken'

/** The one place that judges passwords and codes: whatever way in somebody takes, it counts the same tries. */
export interface SignIn {
  verify(credentials: Credentials): Promise<SignInOutcome>
  /** Keeps `secret` (base32) as the second factor of a user once `code` shows that the user holds it; a wrong one is a failed try. */
  enrol(user: DevUser, secret: string, code: string): EnrolmentOutcome
}

export interface SignInOptions {
  readonly users: readonly DevUser[]
  readonly accounts: AccountBook
  readonly secondFactors: SecondFactors
  readonly lockout: LockoutRules
  readonly requireSecondFactor: boolean
  /** Milliseconds since 1970. */
  readonly now: () => number
  /** Told why a sign-in was refused, for operators alone: the client never learns. `account` is untrusted text. */
  readonly refused: (account: string, reason: SignInRefusal) => void
  /** Told that a user has set up a second factor. */
  readonly enrolled: (account: string) => void
}

/** `locked-now`: this very try has locked the account. */
export type SignInRefusal = 'unknown-user' | 'wrong-password' | 'wrong-code' | 'no-code' | 'locked' | 'locked-now'

// The row that tries under unknown names write to, so that they write as well. No id of a user: those are UUIDs.
const nobody = 'nobody'

/** Prepares sign-in by exact user name; hashing the passwords takes some 50 ms each. */
export async function makeSignIn(options: SignInOptions): Promise<SignIn> {
  const { users } = options
  const byName = new Map(users.map((user) => [user.username, user]))
  const passwords = await passwordBook(new Map(users.map((user) => [user.id, user.password])))
  const decoySecret = encodeBase32(randomBytes(20))
  return {
    async verify(credentials) {
      const user = byName.get(credentials.username)
      const passwordFits = await passwords.verify(user?.id ?? nobody, credentials.password)
      return judge(options, credentials, { user, passwordFits, decoySecret })
    },
    enrol: (user, secret, code) => enrol(options, user, secret, code),
  }
}

interface Looked {
  readonly user: DevUser | undefined
  readonly passwordFits: boolean
  /** Compared with where there is no secret, so that it costs the same. */
  readonly decoySecret: string
}

function judge(
  { accounts, secondFactors, lockout, requireSecondFactor, now, refused }: SignInOptions,
  { username, code, needsSecondFactor = false }: Credentials,
  { user, passwordFits, decoySecret }: Looked,
): SignInOutcome {
  const accountId = user?.id ?? nobody
  let reason: SignInRefusal | undefined
  const outcome = accounts.update<SignInOutcome>(accountId, (state) => {
    const nowMs = now()
    const enrolled = secondFactors.find(accountId)
    const secret = user?.totp_secret ?? enrolled
    // A missing code costs what a wrong one does; it is looked at as one that cannot fit.
    const found = verifyTotp(secret ?? decoySecret, code ?? '', nowMs, state.lastStep)
    const step = secret === undefined ? undefined : found
    const proof = proofOf(passwordFits, code, step, requireSecondFactor || needsSecondFactor)
    const judged = judgeTry(state, proof, lockout, nowMs)
    if (judged.accepted && user !== undefined) {
      return { state: judged.state, result: { kind: 'accepted', user, secondFactor: step !== undefined } }
    }
    const isLocked = nowMs < state.lockedUntilMs
    if (!isLocked && proof.kind === 'incomplete' && user !== undefined && secret === undefined) {
      return { state: judged.state, result: { kind: 'enrolment-due', user } }
    }
    reason = reasonOf(user, passwordFits, code, isLocked, judged.state.lockedUntilMs > nowMs)
    return { state: judged.state, result: { kind: 'refused' } }
  })
  if (reason !== undefined) refused(username, reason)
  return outcome
}

function enrol(
  { accounts, secondFactors, lockout, now, refused, enrolled }: SignInOptions,
  user: DevUser,
  secret: string,
  code: string,
): EnrolmentOutcome {
  let reason: SignInRefusal | undefined
  const outcome = accounts.update<EnrolmentOutcome>(user.id, (state) => {
    if (user.totp_secret !== undefined || secondFactors.find(user.id) !== undefined) return { state, result: 'taken' }
    const nowMs = now()
    const step = verifyTotp(secret, code, nowMs, state.lastStep)
    const judged = judgeTry(state, step === undefined ? { kind: 'wrong' } : { kind: 'right', step }, lockout, nowMs)
    // In the transaction of the try: a code is not spent without its secret being kept.
    if (judged.accepted && secondFactors.keep(user.id, secret, nowMs))
      return { state: judged.state, result: 'enrolled' }
    reason = reasonOf(user, true, code, nowMs < state.lockedUntilMs, judged.state.lockedUntilMs > nowMs)
    return { state: judged.state, result: 'refused' }
  })
  if (reason !== undefined) refused(user.username, reason)
  if (outcome === 'enrolled') enrolled(user.username)
  return outcome
}

function reasonOf(
  user: DevUser | undefined,
  passwordFits: boolean,
  code: string | undefined,
  wasLocked: boolean,
  isLocked: boolean,
): SignInRefusal {
  if (user === undefined) return 'unknown-user'
  if (wasLocked) return 'locked'
  if (isLocked) return 'locked-now'
  if (!passwordFits) return 'wrong-password'
  return code === undefined ? 'no-code' : 'wrong-code'
}

function proofOf(
  passwordFits: boolean,
  code: string | undefined,
  step: number | undefined,
  needsSecondFactor: boolean,
): Proof {
  if (!passwordFits) return { kind: 'wrong' }
  if (code !== undefined) return step === undefined ? { kind: 'wrong' } : { kind: 'right', step }
  return needsSecondFactor ? { kind: 'incomplete' } : { kind: 'right', step: undefined }
}
