import type { RealmRequest } from './realm-request.ts'

/** Marks what this program made: only that is ever taken away again. */
export const madeHere = { 'pop.managed': 'true' } as const

/** `acr` values and the level of authentication that each stands for. */
export const levels = { password: { acr: 'pop-pwd', level: 1 }, secondFactor: { acr: 'pop-mfa', level: 2 } } as const

/** Longest session, whatever is refreshed meanwhile, as at the embedded provider. */
const sessionSeconds = 10 * 3600
/** A session must outlive the access token that it gave out, or the token could not be refreshed. */
const idleBeyondTokenSeconds = 1800
const eventSeconds = 30 * 86_400

/** The fields of the realm itself that `pop.yaml` decides. */
export function wantedRealm({ security, requireTls }: RealmRequest) {
  const { tokenSeconds, failuresMax, lockoutSeconds } = security
  return {
    enabled: true,
    displayName: 'POP API',
    sslRequired: requireTls ? 'all' : 'external',
    registrationAllowed: false,
    editUsernameAllowed: false,
    rememberMe: false,
    // One name for one account: whoever counts failures by it counts them all.
    loginWithEmailAllowed: false,
    duplicateEmailsAllowed: false,
    defaultSignatureAlgorithm: 'RS256',
    accessTokenLifespan: tokenSeconds,
    accessCodeLifespan: 60,
    accessCodeLifespanLogin: 1800,
    accessCodeLifespanUserAction: 300,
    ssoSessionIdleTimeout: tokenSeconds + idleBeyondTokenSeconds,
    ssoSessionMaxLifespan: Math.max(sessionSeconds, tokenSeconds + idleBeyondTokenSeconds),
    // A refresh token is good once: whoever uses an old one ends the session for both.
    revokeRefreshToken: true,
    refreshTokenMaxReuse: 0,
    bruteForceProtected: true,
    permanentLockout: false,
    bruteForceStrategy: 'MULTIPLE',
    failureFactor: failuresMax,
    waitIncrementSeconds: lockoutSeconds,
    maxFailureWaitSeconds: lockoutSeconds,
    minimumQuickLoginWaitSeconds: lockoutSeconds,
    // Otherwise two failures within a second lock, and five would not mean five.
    quickLoginCheckMilliSeconds: 0,
    maxDeltaTimeSeconds: 43_200,
    otpPolicyType: 'totp',
    otpPolicyAlgorithm: 'HmacSHA1',
    otpPolicyDigits: 6,
    otpPolicyPeriod: 30,
    otpPolicyLookAheadWindow: 1,
    otpPolicyCodeReusable: false,
    eventsEnabled: true,
    eventsExpiration: eventSeconds,
    adminEventsEnabled: true,
    // Their details would hold whole representations, secrets among them.
    adminEventsDetailsEnabled: false,
    attributes: {
      ...madeHere,
      'acr.loa.map': JSON.stringify({
        [levels.password.acr]: levels.password.level,
        [levels.secondFactor.acr]: levels.secondFactor.level,
      }),
    },
  }
}

/** The password policy with the length that is asked for: whatever else an administrator demands of passwords stays. */
export function wantedPasswordPolicy(found: string | undefined, lengthMin: number): string {
  const others = (found ?? '')
    .split(' and ')
    .map((rule) => rule.trim())
    .filter((rule) => rule !== '' && !rule.startsWith('length('))
  const rules = others.some((rule) => /^notUsername\b/.test(rule)) ? others : ['notUsername(undefined)', ...others]
  return [`length(${lengthMin})`, ...rules].join(' and ')
}
