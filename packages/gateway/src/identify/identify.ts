import { PopError } from '@pop-api/protocol'
import type { ModuleDestination } from '../route/destination.ts'
import type { Routed } from '../route/route.ts'
import type { OwnOperation } from '../serve/operation.ts'
import type { Caller } from './caller.ts'
import { verifyToken, type Authenticator } from './verify-token.ts'

declare const identifiedBrand: unique symbol

/** Operations that need to know who calls. */
export type Guarded = ModuleDestination | OwnOperation

interface IdentifiedFor<D extends Guarded> {
  readonly [identifiedBrand]: true
  readonly routed: Routed<D>
  readonly caller: Caller
}

export type Identified<D extends Guarded = Guarded> = D extends Guarded ? IdentifiedFor<D> : never

const bearerShape = /^bearer +([\u0021-\u007e]+)$/i
const challenge = { 'www-authenticate': 'Bearer realm="pop-api"' }
const sessionCookie = /(?:^|;) *__Host-pop-session=/

/**
 * Proves who is calling, by the one credential of the request; at once where its token is known. Refuses more than one with 400;
 * none, or one that does not verify, with 401; and with 503 what cannot be known now.
 */
export function identify(routed: Routed<Guarded>, authenticator: Authenticator): Identified | Promise<Identified> {
  const caller = verifyToken(readBearer(routed.received.fields), authenticator)
  return caller instanceof Promise ? caller.then((found) => identified(routed, found)) : identified(routed, caller)
}

function identified(routed: Routed<Guarded>, caller: Caller): Identified {
  const result: Omit<IdentifiedFor<Guarded>, symbol> = { routed, caller }
  // Only this stage makes the brand.
  return result as Identified
}

function readBearer(fields: ReadonlyMap<string, string>): string {
  const authorization = fields.get('authorization')
  const others = Number(fields.has('x-api-key')) + Number(sessionCookie.test(fields.get('cookie') ?? ''))
  if (Number(authorization !== undefined) + others > 1)
    throw new PopError('ambiguous-credentials', 'The request carries more than one credential.')
  if (authorization === undefined) {
    const code = others > 0 ? 'credential-unsupported' : 'credential-missing'
    throw new PopError(code, 'This operation needs an access token.', { headers: challenge })
  }
  const token = bearerShape.exec(authorization)?.[1]
  if (token === undefined)
    throw new PopError('credential-unsupported', 'The field authorization must be "Bearer" and a token.', {
      headers: challenge,
    })
  return token
}
