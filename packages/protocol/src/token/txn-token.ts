import { checkClaims } from '../jws/check-claims.ts'
import { signJws, verifyJws } from '../jws/jws.ts'
import { parseSpiffeId } from '../identity/spiffe-id.ts'
import { accepted, refused, type Verdict } from '../verdict.ts'
import type { TokenSigner } from './signer.ts'
import type { Trust } from './trust.ts'
import { parseTxnClaims, type TxnClaims } from './txn-claims.ts'

export const txnTokenType = 'txntoken+jwt'
export const txnLifeSecondsMax = 60
const skewSecondsMax = 5

/** What a Txn-Token must say to be good for this one request. */
export interface TxnExpectations {
  readonly trust: Trust
  readonly module: string
  /** `METHOD template` of the operation that this request reaches; undefined if it reaches none, and then no token fits. */
  readonly operation: string | undefined
  /** The request target exactly as it arrived. */
  readonly target: string
  /** SPIFFE ID of the workload that presents the token, proven by its certificate or WIT. */
  readonly requester: string
  readonly nowMs: number
}

/** Makes a Txn-Token. Throws a RangeError for a life over 60 s; the other claims are the caller's to get right. */
export function mintTxnToken(claims: TxnClaims, signer: TokenSigner): string {
  if (claims.exp - claims.iat > txnLifeSecondsMax)
    throw new RangeError(`A Txn-Token lives at most ${txnLifeSecondsMax} s.`)
  return signJws({ alg: 'ES256', kid: signer.kid, typ: txnTokenType }, claims, signer.privateKey)
}

/**
 * Verifies a Txn-Token and that it is for this module, operation and target, signed by the owner of its key and presented by the
 * workload it was made for. Refuses with `seal-txn`, or `seal-identity` where it names another workload. Untrusted input.
 */
export function verifyTxnToken(token: string, expected: TxnExpectations): Verdict<TxnClaims> {
  const { trust, nowMs } = expected
  const jws = verifyJws(token, (kid) => trust.txnKey(kid)?.record, { types: [txnTokenType] })
  if (!jws.ok) return refused('seal-txn', jws.detail)
  const times = checkClaims(jws.value.claims, {
    audience: trust.domain,
    lifeSecondsMax: txnLifeSecondsMax,
    skewSecondsMax,
    nowMs,
  })
  if (!times.ok) return refused('seal-txn', times.detail)
  const claims = parseTxnClaims(jws.value.claims)
  if (claims === undefined) return refused('seal-txn', 'The transaction token lacks a claim, or one has another shape.')
  if (claims.iss !== trust.txnKey(jws.value.header.kid)?.owner) {
    return refused('seal-txn', 'The transaction token is not issued by the gateway that owns its key.')
  }
  return checkRequester(claims, expected) ?? checkTransaction(claims, expected) ?? accepted(claims)
}

/** Without `act` the gateway itself presents its token; with `act`, the module that is outermost there. */
function checkRequester(claims: TxnClaims, { requester, trust }: TxnExpectations): Verdict<never> | undefined {
  const entitled = claims.act === undefined ? claims.iss : claims.act.sub
  if (claims.req_wl !== entitled || claims.req_wl !== requester || parseSpiffeId(requester)?.domain !== trust.domain) {
    return refused('seal-identity', 'The transaction token is not made for the workload that presents it.')
  }
  return undefined
}

function checkTransaction({ tctx }: TxnClaims, expected: TxnExpectations): Verdict<never> | undefined {
  if (tctx.module !== expected.module) return refused('seal-txn', 'The transaction token is for another module.')
  if (tctx.operation !== expected.operation)
    return refused('seal-txn', 'The transaction token is for another operation.')
  if (tctx.target !== expected.target) return refused('seal-txn', 'The transaction token is for another target.')
  return undefined
}
