import { isCount, isJsonObject, isPlainText, isTextList, type JsonObject } from '../encoding/shape.ts'
import { parseSpiffeId } from '../identity/spiffe-id.ts'

/** What a revocation can be about in the caller's token, beside its subject. */
export interface TxnTokenMarks {
  /** The client that got it. */
  readonly client?: string
  readonly sid?: string
  /** Its `jti`, `iat` and `auth_time` (seconds), and the key of the provider that signed it. */
  readonly auth_jti?: string
  readonly auth_iat?: number
  readonly auth_time?: number
  readonly auth_kid?: string
}

/** Whoever made a test token, and the marks of the token that was shown for it. */
export interface TxnMaker extends TxnTokenMarks {
  readonly sub: string
}

/** About the caller, as the gateway saw it: for the module's log, and for revocation. */
export interface TxnRequestContext extends TxnTokenMarks {
  readonly req_ip: string
  /** Readable name, for logs only: never an identity. */
  readonly name?: string
  readonly acr?: string
  readonly amr?: readonly string[]
  /** The caller's token is a test token: logs say so. */
  readonly test_token?: true
  readonly maker?: TxnMaker
}

/** What was decided on: the one operation and target that the token is good for. */
export interface TxnTransactionContext {
  readonly module: string
  /** `METHOD template` without the module's base. */
  readonly operation: string
  /** The canonical request target, base and query included. */
  readonly target: string
  readonly roles: readonly string[]
  /** Id of the decision. */
  readonly decision: string
}

/** Who acts for the subject: the outermost is the module that asks. */
export interface TxnActor {
  readonly sub: string
  readonly act?: TxnActor
}

/** Claims of a Txn-Token (wire.md). Times in seconds since 1970. */
export interface TxnClaims {
  /** SPIFFE ID of the gateway that signed it. */
  readonly iss: string
  readonly iat: number
  readonly exp: number
  /** The trust domain. */
  readonly aud: string
  readonly txn: string
  /** `user:<id>`, `client:<client_id>` or `module:<name>`. */
  readonly sub: string
  /** `permission:ownership` words, space separated. */
  readonly scope: string
  /** SPIFFE ID of the workload that may present it. */
  readonly req_wl: string
  readonly rctx: TxnRequestContext
  readonly tctx: TxnTransactionContext
  readonly act?: TxnActor
}

export const actorDepthMax = 3

const subjectShape = /^(user|client|module):[\u0021-\u007e]{1,256}$/
const scopeWordShape = /^[A-Za-z0-9_.-]{1,128}:(any|own|public)$/
const operationShape = /^[A-Z]{1,16} \/[\u0021-\u007e]{0,1024}$/
const targetShape = /^\/[\u0021-\u007e]{0,8191}$/

/**
 * Reads the claims into exactly the members above; others are dropped, so that nobody can come to rely on what was not checked.
 * Undefined if one is missing or has another shape. `iat` and `exp` are only looked at as numbers. Untrusted input.
 */
export function parseTxnClaims(claims: JsonObject): TxnClaims | undefined {
  const { iss, iat, exp, aud, txn, sub, scope, req_wl } = claims
  if (!isPlainText(iss, 512) || !isPlainText(aud, 256) || !isPlainText(txn, 128) || !isPlainText(req_wl, 512))
    return undefined
  if (!isCount(iat) || !isCount(exp) || typeof sub !== 'string' || !subjectShape.test(sub)) return undefined
  if (typeof scope !== 'string' || !isScope(scope)) return undefined
  const rctx = parseRequestContext(claims['rctx'])
  const tctx = parseTransactionContext(claims['tctx'])
  if (rctx === undefined || tctx === undefined) return undefined
  const parsed = { iss, iat, exp, aud, txn, sub, scope, req_wl, rctx, tctx }
  if (claims['act'] === undefined) return parsed
  const act = parseActor(claims['act'], actorDepthMax)
  return act === undefined ? undefined : { ...parsed, act }
}

function isScope(scope: string): boolean {
  if (scope.length > 4096) return false
  const words = scope.split(' ')
  return words.every((word) => scopeWordShape.test(word)) && new Set(words).size === words.length
}

const markTexts = ['client', 'sid', 'auth_jti', 'auth_kid'] as const
const markTimes = ['auth_iat', 'auth_time'] as const

function parseMarks(value: JsonObject): TxnTokenMarks | undefined {
  const marks: { -readonly [K in keyof TxnTokenMarks]: TxnTokenMarks[K] } = {}
  for (const name of markTexts) {
    const text = value[name]
    if (text === undefined) continue
    if (!isPlainText(text, 512)) return undefined
    marks[name] = text
  }
  for (const name of markTimes) {
    const seconds = value[name]
    if (seconds === undefined) continue
    if (!isCount(seconds)) return undefined
    marks[name] = seconds
  }
  return marks
}

/** Reads whoever made a test token; undefined if it has another shape. Untrusted input. */
export function parseMaker(value: unknown): TxnMaker | undefined {
  if (!isJsonObject(value)) return undefined
  const { sub } = value
  const marks = parseMarks(value)
  if (typeof sub !== 'string' || !subjectShape.test(sub) || marks === undefined) return undefined
  return { sub, ...marks }
}

function parseRequestContext(value: unknown): TxnRequestContext | undefined {
  if (!isJsonObject(value) || !isPlainText(value['req_ip'], 64)) return undefined
  const marks = parseMarks(value)
  if (marks === undefined) return undefined
  const context: { -readonly [K in keyof TxnRequestContext]: TxnRequestContext[K] } = {
    req_ip: value['req_ip'],
    ...marks,
  }
  for (const name of ['name', 'acr'] as const) {
    const text = value[name]
    if (text === undefined) continue
    if (!isPlainText(text, 512)) return undefined
    context[name] = text
  }
  const { amr, test_token: testToken, maker: said } = value
  if (said !== undefined) {
    const maker = parseMaker(said)
    if (maker === undefined) return undefined
    context.maker = maker
  }
  if (testToken !== undefined) {
    if (testToken !== true) return undefined
    context.test_token = true
  }
  if (amr !== undefined) {
    if (!isTextList(amr, 16, 64)) return undefined
    context.amr = amr
  }
  return context
}

function parseTransactionContext(value: unknown): TxnTransactionContext | undefined {
  if (!isJsonObject(value)) return undefined
  const { module, operation, target, roles, decision } = value
  if (!isPlainText(module, 64) || !isPlainText(decision, 128) || !isTextList(roles, 64, 128)) return undefined
  if (typeof operation !== 'string' || !operationShape.test(operation)) return undefined
  if (typeof target !== 'string' || !targetShape.test(target)) return undefined
  return { module, operation, target, roles, decision }
}

function parseActor(value: unknown, depthLeft: number): TxnActor | undefined {
  if (depthLeft === 0 || !isJsonObject(value)) return undefined
  const { sub } = value
  if (typeof sub !== 'string' || parseSpiffeId(sub)?.kind !== 'module') return undefined
  if (value['act'] === undefined) return { sub }
  const act = parseActor(value['act'], depthLeft - 1)
  return act === undefined ? undefined : { sub, act }
}
