import { isCount, isJsonObject, isPlainText, isTextList, type JsonObject } from '../encoding/shape.ts'
import { checkClaims } from '../jws/check-claims.ts'
import { readJwsHeader, signJws, verifyJws } from '../jws/jws.ts'
import { accepted, refused, type Verdict } from '../verdict.ts'
import type { TokenSigner } from './signer.ts'
import type { Trust } from './trust.ts'
import { parseMaker, type TxnMaker } from './txn-claims.ts'

/** `iss` of every test token, and the owner of its key. */
export const testIssuer = 'urn:pop:test'
/** A `typ` of its own: no key of a provider verifies a test token, and its key verifies no other token. */
export const testTokenType = 'pop-test+jwt'
export const testLifeSecondsMax = 300
const skewSecondsMax = 5

/** Claims of a test token. Times in seconds since 1970. */
export interface TestTokenClaims {
  readonly iss: typeof testIssuer
  readonly aud: string
  readonly iat: number
  readonly exp: number
  readonly jti: string
  /** `urn:pop:test:NAME`: nobody that a provider knows. */
  readonly sub: string
  readonly preferred_username: string
  readonly roles: readonly string[]
  /** What whoever asked for it had proven; not there where that was nothing. */
  readonly acr?: string
  /** Who asked, and by which token: it ends with that one. */
  readonly maker: TxnMaker
}

const nameShape = /^[A-Za-z0-9][A-Za-z0-9._@-]{0,63}$/

/** True for a name that a test token may carry. */
export function isTestName(name: unknown): name is string {
  return typeof name === 'string' && nameShape.test(name)
}

/** The `sub` under which a test token acts. */
export function testSubject(name: string): string {
  return `${testIssuer}:${name}`
}

/** Makes a test token. Throws a RangeError for a life over 300 s, or a name that cannot be one. */
export function mintTestToken(claims: Omit<TestTokenClaims, 'iss' | 'sub'>, signer: TokenSigner): string {
  const { iat, exp, preferred_username: name } = claims
  if (exp <= iat || exp - iat > testLifeSecondsMax)
    throw new RangeError(`A test token lives at most ${testLifeSecondsMax} s.`)
  if (!isTestName(name)) throw new RangeError('A test token needs a name of letters, digits, dots, hyphens or @.')
  const header = { alg: 'ES256', kid: signer.kid, typ: testTokenType } as const
  return signJws(header, { ...claims, iss: testIssuer, sub: testSubject(name) }, signer.privateKey)
}

/** True for a token that says that it is a test token; verifies nothing. Untrusted input. */
export function looksLikeTestToken(token: string): boolean {
  return readJwsHeader(token, { types: [testTokenType] }).ok
}

/** Verifies a test token by the keys of the trust section. Refuses with `token-…` codes. Untrusted input. */
export function verifyTestToken(
  token: string,
  expected: { readonly trust: Trust; readonly audience: string; readonly nowMs: number },
): Verdict<TestTokenClaims> {
  const { trust, audience, nowMs } = expected
  const jws = verifyJws(token, (kid) => trust.testKey(kid)?.record, { types: [testTokenType] })
  if (!jws.ok) return refused(jws.code, jws.detail)
  const rules = { issuer: testIssuer, audience, lifeSecondsMax: testLifeSecondsMax, skewSecondsMax, nowMs }
  const times = checkClaims(jws.value.claims, rules)
  if (!times.ok) return times
  const claims = readClaims(jws.value.claims, audience, times.value)
  return claims === undefined
    ? refused('token-invalid', 'The test token lacks a claim, or one has another shape.')
    : accepted(claims)
}

function readClaims(
  { sub, jti, roles, preferred_username: name, acr, maker: said }: JsonObject,
  aud: string,
  times: { readonly iat: number; readonly exp: number },
): TestTokenClaims | undefined {
  if (!isTestName(name) || sub !== testSubject(name) || !isPlainText(jti, 128) || !isTextList(roles, 64, 128))
    return undefined
  if (acr !== undefined && !isPlainText(acr, 64)) return undefined
  const maker = parseMaker(said)
  if (maker === undefined) return undefined
  const claims = { iss: testIssuer, aud, ...times, jti, sub, preferred_username: name, roles, maker } as const
  return acr === undefined ? claims : { ...claims, acr }
}

/** What is asked for at `POST /v1/pop/test-tokens`, complete. */
export interface TestTokenRequest {
  readonly name: string
  readonly roles: readonly string[]
  /** 1–300. */
  readonly life_seconds: number
}

/**
 * Reads the body of `POST /v1/pop/test-tokens`: `roles` (1–16), and if wanted `name` (default `tester`) and `life_seconds` (default
 * 300). Refuses with `body-invalid` and what was expected. Untrusted input.
 */
export function readTestTokenRequest(value: unknown): Verdict<TestTokenRequest> {
  if (!isJsonObject(value)) return refused('body-invalid', 'expected an object with roles')
  const { roles, name = 'tester', life_seconds: life = testLifeSecondsMax, ...rest } = value
  const [odd] = Object.keys(rest)
  if (odd !== undefined) {
    return refused('body-invalid', `/${odd.slice(0, 64)}: unknown; expected roles, name and life_seconds`)
  }
  if (!isTextList(roles, 16, 128) || roles.length === 0 || new Set(roles).size !== roles.length)
    return refused('body-invalid', '/roles: expected a list of 1 to 16 different role names')
  if (!isTestName(name)) {
    return refused('body-invalid', '/name: expected 1 to 64 of letters, digits, dot, underscore, hyphen and @')
  }
  if (!isCount(life) || life < 1 || life > testLifeSecondsMax)
    return refused('body-invalid', `/life_seconds: expected a whole number from 1 to ${testLifeSecondsMax}`)
  return accepted({ name, roles, life_seconds: life })
}
