import {
  mintTxnToken,
  PopError,
  requestHopFields,
  type ModuleInstance,
  type Seal,
  type SealedRequest,
  type SealIdentity,
  type TokenSigner,
} from '@pop-api/protocol'
import type { Permitted } from '../permit/permit.ts'
import type { ModuleDestination } from '../route/destination.ts'

/** A permitted request whose parameters and body match the schemas of its operation. */
export interface Validated {
  readonly permitted: Permitted<ModuleDestination>
  readonly body: Buffer
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
  const txnToken = mintTxnToken(claimsOf(validated.permitted, txn, dresser), dresser.txnSigner)
  const headers: string[] = []
  for (const [name, value] of received.fields) {
    if (requestHopFields.has(name) || destination.requestFields.has(name)) headers.push(name, value.trim())
  }
  const { method, target, requestId } = received
  const sealFor = ({ spiffe_id: audience }: ModuleInstance, boot: string): SealedRequest => {
    const request = { method, target: target.text, headers, body: validated.body, txnToken, requestId, audience, boot }
    return seal.sealRequest(request, sealIdentity(), { nowMs: nowMs(), nonce: nextNonce() })
  }
  return { validated, txn, sealFor }
}

function claimsOf(
  permitted: Permitted<ModuleDestination>,
  txn: string,
  dresser: Dresser,
): Parameters<typeof mintTxnToken>[0] {
  const { caller, routed } = permitted.identified
  const { received, destination } = routed
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
    scope: permitted.scope,
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
    },
    tctx: {
      module: destination.manifest.name,
      operation: destination.operation.id,
      target: received.target.text,
      roles: permitted.roles,
      decision: permitted.decision,
    },
  }
}
