import {
  mintTxnToken,
  PopError,
  requestHopFields,
  type RequestToSeal,
  type ModuleInstance,
  type Seal,
  type SealedRequest,
  type SealIdentity,
  type TokenSigner,
} from '@pop-api/protocol'
import type { Permitted } from '../permit/permit.ts'
import type { FollowedBody } from '../receive/body.ts'
import type { ModuleDestination } from '../route/destination.ts'

/** A permitted request whose parameters and body match the schemas of its operation. */
export interface Validated {
  readonly permitted: Permitted<ModuleDestination>
  /** Of an upload a body that is still on its way. */
  readonly body: Buffer | FollowedBody
}

export interface Dresser {
  readonly seal: Seal
  /** SPIFFE ID of this gateway. */
  readonly spiffeId: string
  readonly domain: string
  readonly sealIdentity: () => SealIdentity
  readonly txnSigner: TokenSigner
  readonly nextNonce: () => string
  readonly nextTxn: () => string
  readonly nowMs: () => number
}

/** What crosses: the token of this one authorization, and a way to seal it for an instance (anew for each try). */
export interface Dressed {
  readonly validated: Validated
  readonly txn: string
  readonly sealFor: (instance: ModuleInstance, boot: string) => SealedRequest
}

const txnLifeSeconds = 60

/** Mints the Txn-Token and takes only the fields that may cross: nothing that the client says of itself reaches a module. */
export function dress(validated: Validated, dresser: Dresser): Dressed {
  const { seal, sealIdentity, nextNonce, nowMs } = dresser
  const { received, destination } = validated.permitted.identified.routed
  const txn = dresser.nextTxn()
  const { scope } = validated.permitted
  const asked = { module: destination.manifest.name, operation: destination.operation.id, scope }
  const txnToken = mintTxnToken(txnClaimsOf(validated.permitted, asked, txn, dresser), dresser.txnSigner)
  const headers: string[] = []
  for (const [name, value] of received.fields) {
    if (requestHopFields.has(name) || destination.requestFields.has(name)) headers.push(name, value.trim())
  }
  const { method, target, requestId } = received
  const body = sealedBody(validated.body)
  const sealFor = ({ spiffe_id: audience }: ModuleInstance, boot: string): SealedRequest => {
    const request = { method, target: target.text, headers, body, txnToken, requestId, audience, boot }
    return seal.sealRequest(request, sealIdentity(), { nowMs: nowMs(), nonce: nextNonce() })
  }
  return { validated, txn, sealFor }
}

function sealedBody(body: Buffer | FollowedBody): RequestToSeal['body'] {
  return Buffer.isBuffer(body) ? body : { stream: 'trailer', lengthBytes: body.lengthBytes }
}

/** Which operation a Txn-Token is for: of a module, or of the system itself under the name `pop`. */
interface AskedOperation {
  readonly module: string
  readonly operation: string
  readonly scope: string
}

/** Claims of the Txn-Token of a permitted request. Refuses with `token-expired` where the caller's token has ended meanwhile. */
export function txnClaimsOf(
  permitted: Permitted,
  { module, operation, scope }: AskedOperation,
  txn: string,
  dresser: Pick<Dresser, 'spiffeId' | 'domain' | 'nowMs'>,
): Parameters<typeof mintTxnToken>[0] {
  const { caller, routed } = permitted.identified
  const { received } = routed
  const iat = Math.floor(dresser.nowMs() / 1000)
  // A Txn-Token never outlives the token that it stands for.
  const exp = Math.min(iat + txnLifeSeconds, caller.exp)
  if (exp <= iat) throw new PopError('token-expired', 'The access token has expired.')
  return {
    iss: dresser.spiffeId,
    iat,
    exp,
    aud: dresser.domain,
    txn,
    sub: caller.subject,
    scope,
    req_wl: dresser.spiffeId,
    rctx: {
      req_ip: received.address,
      client: caller.clientId,
      name: caller.name,
      auth_jti: caller.jti,
      auth_iat: caller.iat,
      ...(caller.acr === undefined ? {} : { acr: caller.acr }),
      ...(caller.amr === undefined ? {} : { amr: caller.amr }),
      ...(caller.sid === undefined ? {} : { sid: caller.sid }),
      ...(caller.testToken === true ? { test_token: true } : {}),
    },
    tctx: {
      module,
      operation,
      target: received.target.text,
      roles: permitted.roles,
      decision: permitted.decision,
    },
  }
}
