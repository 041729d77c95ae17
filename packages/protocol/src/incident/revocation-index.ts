import type { Revocation, RevocationKind } from './revocation.ts'

/** What a verified token says that a revocation can be about. */
export interface TokenMarks {
  readonly sub: string
  readonly jti?: string | undefined
  readonly sid?: string | undefined
  readonly client?: string | undefined
  /** The provider's key that signed it. */
  readonly kid?: string | undefined
  /** Undefined where it is not known: then a revocation of any issuer is about it. */
  readonly issuer?: string | undefined
  /** Seconds since 1970. Undefined where it is not known: then nothing shows that it was issued later. */
  readonly iat?: number | undefined
  readonly authTime?: number | undefined
  /** Of a test token: the marks of whoever made it. What is about those is about it too. */
  readonly maker?: TokenMarks | undefined
}

/** Revocations in the form in which they are asked at each request: the cost does not grow with their number. */
export interface RevocationIndex {
  /** Of several about the same, the widest counts. */
  readonly add: (revocation: Revocation) => void
  readonly covers: (token: TokenMarks, nowSeconds: number) => boolean
  readonly isEmpty: () => boolean
}

interface Reach {
  /** Infinity for all, whenever issued. */
  readonly issuedUntil: number
  readonly until: number
}

/** Makes an index of these. */
export function indexRevocations(revocations: Iterable<Revocation>): RevocationIndex {
  const kinds: Readonly<Record<RevocationKind, Map<string, Reach>>> = {
    jti: new Map(),
    sid: new Map(),
    kid: new Map(),
    sub: new Map(),
    client: new Map(),
    issuer: new Map(),
  }
  let isEmpty = true
  let anyIssuer: Reach = { issuedUntil: -1, until: -1 }
  const add = (revocation: Revocation): void => {
    const { kind, value, until } = revocation
    const reach = { issuedUntil: 'issued_until' in revocation ? revocation.issued_until : Infinity, until }
    kinds[kind].set(value, widest(kinds[kind].get(value), reach))
    if (kind === 'issuer') anyIssuer = widest(anyIssuer, reach)
    isEmpty = false
  }
  for (const revocation of revocations) add(revocation)
  const coversNow = (token: TokenMarks, now: number): boolean => {
    const { sub, jti, sid, client, kid, issuer, iat = 0, authTime = Infinity, maker } = token
    const reachOf = (kind: RevocationKind, value: string | undefined): Reach | undefined =>
      value === undefined ? undefined : kinds[kind].get(value)
    // A token that was refreshed has a new `iat`, and the sign-in behind it is the old one.
    const since = Math.min(iat, authTime)
    return (
      reaches(reachOf('jti', jti), iat, now) ||
      reaches(reachOf('sid', sid), iat, now) ||
      reaches(reachOf('kid', kid), iat, now) ||
      reaches(reachOf('sub', sub), since, now) ||
      reaches(reachOf('client', client), since, now) ||
      reaches(issuer === undefined ? anyIssuer : kinds.issuer.get(issuer), iat, now) ||
      (maker !== undefined && coversNow(maker, now))
    )
  }
  return { add, isEmpty: () => isEmpty, covers: (token, nowSeconds) => !isEmpty && coversNow(token, nowSeconds) }
}

function widest(one: Reach | undefined, other: Reach): Reach {
  if (one === undefined) return other
  return { issuedUntil: Math.max(one.issuedUntil, other.issuedUntil), until: Math.max(one.until, other.until) }
}

function reaches(reach: Reach | undefined, issued: number, now: number): boolean {
  return reach !== undefined && issued <= reach.issuedUntil && now < reach.until
}
