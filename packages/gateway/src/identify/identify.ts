import { PopError } from '@pop-api/protocol'
import type { ModuleDestination } from '../route/destination.ts'
import type { Routed } from '../route/route.ts'
import type { OwnOperation } from '../serve/operation.ts'
import type { Caller } from './caller.ts'
import { anyChallenge, type Scheme } from './challenge.ts'
import { proveHolder, type Presented } from './prove-holder.ts'
import { TokenRefused } from './token-error.ts'
import { verifyToken, type Authenticator } from './verify-token.ts'

declare const identifiedBrand: unique symbol

/** Operations that need to know who calls. */
export type Guarded = ModuleDestination | OwnOperation

interface IdentifiedFor<D extends Guarded> {
  readonly [identifiedBrand]: true
  readonly routed: Routed<D>
  readonly caller: Caller
  /** How the token was presented: a challenge asks for another one in the same way. */
  readonly scheme: Scheme
}

export type Identified<D extends Guarded = Guarded> = D extends Guarded ? IdentifiedFor<D> : never

const tokenShape = /^(bearer|dpop) +([\u0021-\u007e]+)$/i
const sessionCookie = /(?:^|;) *__Host-pop-session=/

/**
 * Proves who is calling, by the one credential of the request; at once where its token is known. Refuses more than one with 400;
 * none, one that does not verify, or a bound token without what it is bound to, with 401; and with 503 what cannot be known now.
 */
export function identify(routed: Routed<Guarded>, authenticator: Authenticator): Identified | Promise<Identified> {
  const presented = readPresented(routed.received.fields)
  if (presented.scheme === 'DPoP') return identifyByProof(routed, presented, authenticator)
  const caller = verifyToken(presented.token, authenticator, routed.received)
  return caller instanceof Promise
    ? caller.then((found) => identified(routed, found, presented, authenticator))
    : identified(routed, caller, presented, authenticator)
}

async function identifyByProof(
  routed: Routed<Guarded>,
  presented: Presented,
  authenticator: Authenticator,
): Promise<Identified> {
  try {
    const caller = await verifyToken(presented.token, authenticator, routed.received)
    return identified(routed, caller, presented, authenticator)
  } catch (error) {
    throw error instanceof TokenRefused ? error.under('DPoP') : error
  }
}

function identified(
  routed: Routed<Guarded>,
  caller: Caller,
  presented: Presented,
  authenticator: Authenticator,
): Identified {
  if (caller.binding !== undefined || presented.scheme !== 'Bearer')
    proveHolder(caller, presented, routed.received, authenticator)
  const result: Omit<IdentifiedFor<Guarded>, symbol> = { routed, caller, scheme: presented.scheme }
  // Only this stage makes the brand.
  return result as Identified
}

function readPresented(fields: ReadonlyMap<string, string>): Presented {
  const authorization = fields.get('authorization')
  const others = Number(fields.has('x-api-key')) + Number(sessionCookie.test(fields.get('cookie') ?? ''))
  if (Number(authorization !== undefined) + others > 1)
    throw new PopError('ambiguous-credentials', 'The request carries more than one credential.')
  if (authorization === undefined) {
    const code = others > 0 ? 'credential-unsupported' : 'credential-missing'
    throw new PopError(code, 'This operation needs an access token.', { headers: anyChallenge })
  }
  const [, scheme, token] = tokenShape.exec(authorization) ?? []
  if (scheme === undefined || token === undefined) {
    const detail = 'The field authorization must be "Bearer" or "DPoP" and a token.'
    throw new PopError('credential-unsupported', detail, { headers: anyChallenge })
  }
  return { scheme: scheme.toLowerCase() === 'dpop' ? 'DPoP' : 'Bearer', token }
}
