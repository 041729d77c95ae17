import { testIssuer, verifyTestToken, type Trust } from '@pop-api/protocol'
import type { Revocations } from '../revoke/revocations.ts'
import type { Caller } from './caller.ts'
import { stillHolding } from './still-holding.ts'
import { tokenError } from './token-error.ts'

/** What test tokens are verified by, as the present bulletin says. */
export interface TestTokenRules {
  /** By this gateway's own settings: a key in the bulletin alone allows nothing. */
  readonly isAllowed: boolean
  readonly trust: Trust
  readonly audience: string
}

interface TestAuthenticator {
  readonly testTokens: () => TestTokenRules
  readonly revocations: Pick<Revocations, 'cover'>
  readonly nowMs: () => number
}

/** The client id of every test token. */
const testClient = 'pop-test'

/**
 * Who a test token is for: with the roles in it and no permission beside, under a subject that no provider gives. Throws with 401 where
 * test tokens are not allowed, and for one that does not hold. Untrusted input.
 */
export function testCallerOf(token: string, { testTokens, revocations, nowMs }: TestAuthenticator): Caller {
  const { isAllowed, trust, audience } = testTokens()
  if (!isAllowed) throw tokenError('test-token-refused', 'This environment takes no test tokens.')
  const now = nowMs()
  const verdict = verifyTestToken(token, { trust, audience, nowMs: now })
  if (!verdict.ok) {
    const isKnown = verdict.code === 'token-malformed' || verdict.code === 'token-expired'
    throw tokenError(isKnown ? verdict.code : 'token-invalid', verdict.detail)
  }
  const { sub, preferred_username: name, roles, jti, iat, exp, acr, maker } = verdict.value
  const caller: Caller = {
    subject: `user:${sub}`,
    // No log may read as if a person of that name had done it.
    name: `test:${name}`,
    clientId: testClient,
    roles,
    permissions: [],
    // It proves what whoever asked for it had proven.
    secondFactor: acr === 'pop-mfa' ? 'proven' : 'missing',
    jti,
    iat,
    exp,
    issuer: testIssuer,
    testToken: true,
    maker,
    ...(acr === undefined ? {} : { acr }),
  }
  return stillHolding(caller, revocations, now)
}
