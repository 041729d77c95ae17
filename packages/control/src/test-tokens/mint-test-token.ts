import { randomUUID } from 'node:crypto'
import { controlActions } from '@pop-api/audit'
import {
  makerOf,
  mintTestToken,
  PopError,
  readTestTokenRequest,
  testSubject,
  type PolicySection,
  type TestTokenRequest,
  type TxnClaims,
} from '@pop-api/protocol'
import { allowsTestTokens, type GatewaySettings } from '@pop-api/settings'
import type { Handed, HandedContext } from '../handed/handed.ts'
import { eventOfHanded } from '../handed/handed-event.ts'
import { settingsInForce } from '../settings/settings-desk.ts'

/** What a gateway is told of a test token. */
export interface MintedTestToken {
  readonly access_token: string
  readonly expires_in: number
  readonly subject: string
  readonly roles: readonly string[]
}

/**
 * `POST /v1/pop/test-tokens`: a token of a made-up person with the roles asked for. An operator may ask for any role; whoever is none
 * for roles whose permissions and standing are all among the own. Recorded before the token leaves. Throws
 * `test-tokens-not-allowed` (an incident), `body-invalid`, `permission-denied`, `audit-unavailable`. The body is untrusted; who
 * asks was accepted.
 */
export async function makeTestToken(context: HandedContext, handed: Handed, body: unknown): Promise<MintedTestToken> {
  const event = { ...eventOfHanded(handed), action: controlActions.testToken }
  let resourceId = '-'
  try {
    const settings = settingsInForce(context.store)
    const signer = context.testSigner.present(allowsTestTokens(settings))
    if (signer === undefined) throw notAllowed()
    const request = readRequest(body)
    resourceId = testSubject(request.name)
    requireMayAsk(handed.claims, request, settings, context.policy())
    const jti = randomUUID()
    const iat = Math.floor(context.nowMs() / 1000)
    const { acr } = handed.claims.rctx
    const claims = {
      aud: settings.identity.audience,
      iat,
      exp: iat + request.life_seconds,
      jti,
      preferred_username: request.name,
      roles: request.roles,
      maker: makerOf(handed.claims),
      // It proves no more than whoever asked for it had proven.
      ...(acr === undefined ? {} : { acr }),
    }
    const token = mintTestToken(claims, signer)
    const reason = `roles ${request.roles.join(', ')}; ${request.life_seconds} s; jti ${jti}`
    await context.log.record({ ...event, resource_id: resourceId, status: 'success', code: 200, reason }, 'nothing')
    return { access_token: token, expires_in: request.life_seconds, subject: resourceId, roles: request.roles }
  } catch (failure) {
    if (failure instanceof PopError && failure.code === 'audit-unavailable') throw failure
    const { status: code, code: reason } = failure instanceof PopError ? failure : { status: 500, code: 'internal' }
    const incident = reason === 'test-tokens-not-allowed' ? ({ incident: true } as const) : {}
    const status = code < 500 ? 'refused' : 'failure'
    await context.log.record({ ...event, ...incident, resource_id: resourceId, status, code, reason }, 'nothing')
    throw failure
  }
}

function notAllowed(): PopError {
  return new PopError(
    'test-tokens-not-allowed',
    'The environment in force does not allow test tokens: there is no key.',
  )
}

function readRequest(body: unknown): TestTokenRequest {
  const read = readTestTokenRequest(body)
  if (read.ok) return read.value
  throw new PopError(read.code, read.detail)
}

function requireMayAsk(
  { rctx, tctx }: TxnClaims,
  { roles }: TestTokenRequest,
  { operators }: GatewaySettings,
  policy: PolicySection,
): void {
  // One that begets another would never end, and nobody would know whose it is.
  if (rctx.test_token === true) throw new PopError('permission-denied', 'A test token makes no other test token.')
  const unknown = roles.find((role) => !Object.hasOwn(policy.roles, role))
  if (unknown !== undefined) {
    const known = Object.keys(policy.roles).join(', ')
    throw new PopError('body-invalid', `/roles: expected roles of the policy (${known}), found "${unknown}"`)
  }
  if (standingsOf(tctx.roles, operators).has('the standing operator')) return
  const held = permissionsOf(tctx.roles, policy).union(standingsOf(tctx.roles, operators))
  const [beyond] = permissionsOf(roles, policy).union(standingsOf(roles, operators)).difference(held)
  if (beyond === undefined) return
  const advice = 'ask for less, or as an operator'
  throw new PopError('permission-denied', `The roles asked for carry ${beyond}, which yours do not: ${advice}.`)
}

/** What roles make of a person beside their permissions (operator, auditor, approver), under names that no permission has. */
function standingsOf(roles: readonly string[], operators: GatewaySettings['operators']): ReadonlySet<string> {
  const standings = roles.flatMap((role) => (Object.hasOwn(operators, role) ? (operators[role] ?? []) : []))
  return new Set(standings.map((standing) => `the standing ${standing}`))
}

/** Role permissions and granted module permissions of roles. */
function permissionsOf(roles: readonly string[], policy: PolicySection): ReadonlySet<string> {
  const listed = (of: Readonly<Record<string, readonly string[]>>, role: string): readonly string[] =>
    Object.hasOwn(of, role) ? (of[role] ?? []) : []
  return new Set(roles.flatMap((role) => [...listed(policy.roles, role), ...listed(policy.grants, role)]))
}
