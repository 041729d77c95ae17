import {
  mintTxnToken,
  PopError,
  type RequestToSeal,
  type ModuleInstance,
  type Seal,
  type SealedRequest,
  type SealIdentity,
  type TokenSigner,
} from '@pop-api/protocol'
import type { Permitted } from '../permit/permit.ts'
import type { FollowedBody } from '../receive/body.ts'
import { isSafe } from '../receive/received.ts'
import type { ModuleDestination } from '../route/destination.ts'
import type { Trace } from '../trace/traces.ts'
import type { Authorization, TxnCache } from './txn-cache.ts'

/** A permitted request whose parameters and body match the schemas of its operation. */
export interface Validated {
  readonly permitted: Permitted<ModuleDestination>
  /** The fields that may cross, each name with its value behind it. */
  readonly headers: readonly string[]
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
  readonly txnTokens: TxnCache
  /** Another value after each change of the policy or the keys. */
  readonly version: () => unknown
  readonly nextNonce: () => string
  readonly nextTxn: () => string
  readonly nowMs: () => number
}

/** What crosses: the token of this one authorization, and a way to seal it for an instance (anew for each try). */
export interface Dressed {
  readonly validated: Validated
  readonly txn: string
  /** Id of the decision that its token carries: of an earlier request, where that was the same authorization. */
  readonly decision: string
  readonly sealFor: (instance: ModuleInstance, boot: string) => SealedRequest
}

const txnLifeSeconds = 60

/** Mints the Txn-Token. The field `traceparent` is ours, whatever came; it crosses under the seal like every other. */
export function dress(validated: Validated, trace: Trace, dresser: Dresser): Dressed {
  const { seal, sealIdentity, nextNonce, nowMs } = dresser
  const { received } = validated.permitted.identified.routed
  const { txnToken, txn, decision } = authorize(validated.permitted, dresser)
  const headers: string[] = ['traceparent', trace.traceparent]
  for (let index = 0; index + 1 < validated.headers.length; index += 2) {
    const name = validated.headers[index] ?? ''
    if (name !== 'traceparent') headers.push(name, validated.headers[index + 1] ?? '')
  }
  const { method, target, requestId } = received
  const body = sealedBody(validated.body)
  const sealFor = ({ spiffe_id: audience }: ModuleInstance, boot: string): SealedRequest => {
    const request = { method, target: target.text, headers, body, txnToken, requestId, audience, boot }
    return seal.sealRequest(request, sealIdentity(), { nowMs: nowMs(), nonce: nextNonce() })
  }
  return { validated, txn, decision, sealFor }
}

/** Mints the Txn-Token of a request; a read may use that of the same authorization a moment ago. */
function authorize(permitted: Permitted<ModuleDestination>, dresser: Dresser): Authorization {
  const { scope, decision, identified } = permitted
  const { routed, caller } = identified
  const { received, destination } = routed
  const module = destination.manifest.name
  const operation = destination.operation.id
  const mint = (): Authorization => {
    const txn = dresser.nextTxn()
    const claims = txnClaimsOf(permitted, { module, operation, scope }, txn, dresser)
    return { txnToken: mintTxnToken(claims, dresser.txnSigner), txn, decision }
  }
  const nowMs = dresser.nowMs()
  // A token that is about to end is minted for what is left of it.
  if (!isSafe(received.method) || caller.exp * 1000 - nowMs < 10_000) return mint()
  const { text: target } = received.target
  // The verified token stands for the claims that come from it. Only its own id may have any character, so that it comes last.
  const key = [caller.subject, module, operation, target, scope, received.address, caller.iat, caller.jti].join('\n')
  return dresser.txnTokens.reuse(key, dresser.version(), nowMs, mint)
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
      ...(caller.authTime === undefined ? {} : { auth_time: caller.authTime }),
      ...(caller.kid === undefined ? {} : { auth_kid: caller.kid }),
      ...(caller.acr === undefined ? {} : { acr: caller.acr }),
      ...(caller.amr === undefined ? {} : { amr: caller.amr }),
      ...(caller.sid === undefined ? {} : { sid: caller.sid }),
      ...(caller.testToken === true ? { test_token: true } : {}),
      ...(caller.maker === undefined ? {} : { maker: caller.maker }),
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
