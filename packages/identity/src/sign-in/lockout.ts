/** What is remembered of an account between two tries. */
export interface AccountState {
  /** Wrong tries since the last right one or since the last lock ended. */
  readonly failures: number
  /** Milliseconds since 1970; 0 when no lock was set. */
  readonly lockedUntilMs: number
  /** The TOTP step of the last accepted code; −1 before the first. */
  readonly lastStep: number
}

/** What one try has shown. `step`: the TOTP step its code belongs to, later than any accepted before. */
export type Proof =
  | { readonly kind: 'wrong' }
  /** The password is right, the second factor was not tried although it is needed. */
  | { readonly kind: 'incomplete' }
  | { readonly kind: 'right'; readonly step: number | undefined }

export interface LockoutRules {
  readonly failuresMax: number
  readonly lockMs: number
}

export const untouchedAccount: AccountState = { failures: 0, lockedUntilMs: 0, lastStep: -1 }

/**
 * Decides on one try and says what to remember. While the account is locked everything is refused, counts nothing and spends no
 * code; the failure that reaches `failuresMax` locks for `lockMs`; a right try forgets the failures. Pure.
 */
export function judgeTry(
  state: AccountState,
  proof: Proof,
  rules: LockoutRules,
  nowMs: number,
): { readonly accepted: boolean; readonly state: AccountState } {
  if (nowMs < state.lockedUntilMs) return { accepted: false, state }
  // A lock that has ended leaves a clean slate, or one wrong try would lock again.
  const failuresBefore = state.lockedUntilMs === 0 ? state.failures : 0
  if (proof.kind === 'right') {
    const lastStep = proof.step ?? state.lastStep
    return { accepted: true, state: { failures: 0, lockedUntilMs: 0, lastStep } }
  }
  if (proof.kind === 'incomplete')
    return { accepted: false, state: { ...state, failures: failuresBefore, lockedUntilMs: 0 } }
  const failures = failuresBefore + 1
  const lockedUntilMs = failures >= rules.failuresMax ? nowMs + rules.lockMs : 0
  return { accepted: false, state: { ...state, failures, lockedUntilMs } }
}
