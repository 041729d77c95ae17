import { testIssuer } from '../token/test-token.ts'
import type { TxnClaims } from '../token/txn-claims.ts'
import type { TokenMarks } from './revocation-index.ts'

/** What a revocation can be about in a Txn-Token: the marks of the caller's token behind it. Its issuer is only known of a test token. */
export function marksOfTxn({ sub, rctx }: Pick<TxnClaims, 'sub' | 'rctx'>): TokenMarks {
  return {
    sub,
    jti: rctx.auth_jti,
    sid: rctx.sid,
    client: rctx.client,
    kid: rctx.auth_kid,
    issuer: rctx.test_token === true ? testIssuer : undefined,
    iat: rctx.auth_iat,
    authTime: rctx.auth_time,
  }
}
