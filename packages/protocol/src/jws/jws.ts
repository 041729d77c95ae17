import type { KeyObject } from 'node:crypto'
import { decodeBase64url } from '../encoding/base64url.ts'
import { isPlainText, type JsonObject } from '../encoding/shape.ts'
import type { ProblemCode } from '../problem/catalogue.ts'
import { signText, verifyText, type JwsAlgorithm } from './algorithm.ts'
import { decodeObject, splitCompact } from './compact.ts'
import type { KeyRecord } from './key-record.ts'

/** Longest token of the request path (security.md, token rules). */
export const tokenCharactersMax = 8192

/** The protected header, after the refusal of everything that would let a token choose its own key or rules. */
export interface JwsHeader {
  readonly kid: string
  readonly alg: string
  readonly typ: string
}

/** A token whose signature is right. The claims are an object, and nothing more is known of them. */
export interface VerifiedJws {
  readonly header: JwsHeader
  readonly claims: JsonObject
  /** The record that verified it. */
  readonly key: KeyRecord
}

/** A refusal that says why: with `unknown-key` the caller may fetch the issuer's keys again and ask once more. */
export interface JwsRefusal {
  readonly ok: false
  readonly code: ProblemCode
  readonly detail: string
  readonly reason: 'malformed' | 'unknown-key' | 'invalid'
}

export type JwsVerdict<T> = { readonly ok: true; readonly value: T } | JwsRefusal

export interface JwsRules {
  /** Accepted values of `typ`; compared without regard to case, never with an `application/` before it. */
  readonly types: readonly string[]
  /** Longest token that is looked at; `tokenCharactersMax` unless told. */
  readonly charactersMax?: number
  /** A header without `typ` counts as one of the type ``; default false, and then it is refused. */
  readonly mayLackType?: boolean
}

const forbiddenHeaders = ['jku', 'x5u', 'jwk', 'x5c', 'crit', 'b64'] as const

/** Reads the header of a compact JWS (RFC 7515 section 7.1) without verifying anything: for finding the key. Untrusted input. */
export function readJwsHeader(token: string, rules: JwsRules): JwsVerdict<JwsHeader> {
  const parts = splitCompact(token, rules.charactersMax ?? tokenCharactersMax)
  return parts.ok ? readHeader(token.slice(0, parts.value.headerEnd), rules) : refuse('malformed', parts.detail)
}

/**
 * Verifies a compact JWS. The key comes from `lookUp` by `kid`, the algorithm from that key's record and never from the token;
 * the claims (`exp` and the rest) are not checked: see `checkClaims`. Untrusted input.
 */
export function verifyJws(
  token: string,
  lookUp: (kid: string) => KeyRecord | undefined,
  rules: JwsRules,
): JwsVerdict<VerifiedJws> {
  const parts = splitCompact(token, rules.charactersMax ?? tokenCharactersMax)
  if (!parts.ok) return refuse('malformed', parts.detail)
  const { headerEnd, claimsEnd } = parts.value
  const header = readHeader(token.slice(0, headerEnd), rules)
  if (!header.ok) return header
  const key = lookUp(header.value.kid)
  if (key === undefined) return refuse('unknown-key', 'The token is signed with a key that is not known here.')
  if (header.value.alg !== key.alg)
    return refuse('invalid', `The token says another algorithm than its key has (${key.alg}).`)
  const signature = decodeBase64url(token.slice(claimsEnd + 1))
  if (signature === undefined) return refuse('malformed', 'The signature of the token is not canonical base64url.')
  if (!verifyText(key.alg, key.key, token.slice(0, claimsEnd), signature)) {
    return refuse('invalid', 'The signature of the token does not verify.')
  }
  const claims = decodeObject(token.slice(headerEnd + 1, claimsEnd))
  if (claims === undefined) return refuse('malformed', 'The claims of the token are not one strict JSON object.')
  return { ok: true, value: { header: header.value, claims, key } }
}

/** Makes a compact JWS. The header is written as `{alg, kid, typ}`; the private key must be one for the algorithm. */
export function signJws(
  header: { readonly alg: JwsAlgorithm; readonly kid: string; readonly typ: string },
  claims: object,
  privateKey: KeyObject,
): string {
  const head = encodeObject({ alg: header.alg, kid: header.kid, typ: header.typ })
  const text = `${head}.${encodeObject(claims)}`
  return `${text}.${signText(header.alg, privateKey, text).toString('base64url')}`
}

function readHeader(part: string, rules: JwsRules): JwsVerdict<JwsHeader> {
  const header = decodeObject(part)
  if (header === undefined) return refuse('malformed', 'The header of the token is not one strict JSON object.')
  for (const name of forbiddenHeaders) {
    if (Object.hasOwn(header, name)) return refuse('invalid', `The header of the token may not have "${name}".`)
  }
  const { kid, alg, typ = rules.mayLackType === true ? '' : undefined } = header
  if (!isPlainText(kid, 256) || typeof alg !== 'string' || typeof typ !== 'string') {
    return refuse('invalid', 'The header of the token must have kid, alg and typ.')
  }
  const wanted = typ.toLowerCase()
  if (!rules.types.some((type) => type.toLowerCase() === wanted)) {
    return refuse('invalid', `The token is not of type ${rules.types.join(' or ')}.`)
  }
  return { ok: true, value: { kid, alg, typ } }
}

function encodeObject(value: object): string {
  return Buffer.from(JSON.stringify(value), 'utf8').toString('base64url')
}

function refuse(reason: JwsRefusal['reason'], detail: string): JwsRefusal {
  return { ok: false, code: reason === 'malformed' ? 'token-malformed' : 'token-invalid', detail, reason }
}
