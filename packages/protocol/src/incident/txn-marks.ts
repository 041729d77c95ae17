import { testIssuer } from '../token/test-token.ts'
import type { TxnClaims, TxnMaker } from '../token/txn-claims.ts'
import type { TokenMarks } from './revocation-index.ts'

interface MarkedTxn {
  readonly sub: string
  readonly rctx: Omit<TxnClaims['rctx'], 'req_ip'>
}

/** What a revocation can be about in a Txn-Token: the marks of the caller's token behind it. Its issuer is only known of a test token. */
export function marksOfTxn({ sub, rctx }: MarkedTxn): TokenMarks {
  return {
    sub,
    jti: rctx.auth_jti,
    sid: rctx.sid,
    client: rctx.client,
    kid: rctx.auth_kid,
    issuer: rctx.test_token === true ? testIssuer : undefined,
    iat: rctx.auth_iat,
    authTime: rctx.auth_time,
    ...(rctx.maker === undefined ? {} : { maker: marksOfMaker(rctx.maker) }),
  }
}

/** What a revocation can be about in whoever made a test token. */
export function marksOfMaker({ sub, ...marks }: TxnMaker): TokenMarks {
  return marksOfTxn({ sub, rctx: marks })
}

/** Whoever makes a test token by a request with this Txn-Token. */
export function makerOf({ sub, rctx }: Pick<TxnClaims, 'sub' | 'rctx'>): TxnMaker {
  const { req_ip: _ip, name: _name, acr: _acr, amr: _amr, test_token: _test, maker: _maker, ...marks } = rctx
  return { sub, ...marks }
}
