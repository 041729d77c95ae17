import { isJsonObject, isPlainText } from '../encoding/shape.ts'
import { accepted, refused, type Verdict } from '../verdict.ts'
import {
  lastingUntil,
  reachSeconds,
  reasonCharactersMax,
  type RevocationFacts,
  type RevocationKind,
} from './revocation.ts'

/** What an operator orders at `POST /v1/pop/incidents/revocations`. */
export interface RevocationRequest {
  readonly kind: Exclude<RevocationKind, 'issuer'>
  readonly value: string
  readonly reason: string
  readonly dry_run: boolean
}

/** What an order means that is given at a moment (seconds since 1970). */
export function factsOfRequest({ kind, value }: RevocationRequest, at: number): RevocationFacts {
  const until = lastingUntil(kind, at)
  if (kind === 'sub' || kind === 'client') return { kind, value, until, issued_until: at + reachSeconds }
  return { kind, value, until }
}

const printed = /^[\u0021-\u007e]{1,200}$/
const subject = /^(user|client):[\u0021-\u007e]{1,200}$/
/** A JWS in compact form has a first part that begins so. */
const wholeToken = /^eyJ[^.]*\.[^.]*\.[^.]*$/

interface Target {
  readonly kind: RevocationRequest['kind']
  readonly fits: (value: string) => boolean
  readonly expected: string
}

/** Member of the request → what it means. */
const targets: ReadonlyMap<string, Target> = new Map<string, Target>([
  ['session', { kind: 'sid', fits: (text) => isPlainText(text, 128), expected: 'the sid of a session' }],
  ['user', { kind: 'sub', fits: (text) => subject.test(text), expected: 'a subject: user:ID, or client:ID' }],
  ['client', { kind: 'client', fits: (text) => printed.test(text), expected: 'the id of a client' }],
  ['token', { kind: 'jti', fits: isTokenId, expected: 'the jti of a token, and never the token itself' }],
  ['key', { kind: 'kid', fits: (text) => isPlainText(text, 256), expected: 'the kid of a key of the provider' }],
])

/** A token in a request would come to lie in logs. */
function isTokenId(text: string): boolean {
  return isPlainText(text, 128) && !wholeToken.test(text)
}

/**
 * Reads the body of an order: exactly one of `session`, `user`, `client`, `token`, `key`, a `reason`, and if wanted `dry_run`. Refuses
 * with `body-invalid` and what was expected. Untrusted input.
 */
export function readRevocationRequest(value: unknown): Verdict<RevocationRequest> {
  if (!isJsonObject(value)) return refused('body-invalid', 'expected an object with one target and a reason')
  const { reason, dry_run: dryRun = false, ...rest } = value
  const names = Object.keys(rest)
  const [name = ''] = names
  const target = targets.get(name)
  if (names.length !== 1 || target === undefined) {
    const known = [...targets.keys()].join(', ')
    const found = names.map((other) => other.slice(0, 32)).join(', ')
    return refused(
      'body-invalid',
      `expected exactly one of ${known} beside reason and dry_run, found: ${found || 'none'}`,
    )
  }
  const text = rest[name]
  if (typeof text !== 'string' || !target.fits(text))
    return refused('body-invalid', `/${name}: expected ${target.expected}`)
  if (!isPlainText(reason, reasonCharactersMax) || reason.trim() === '')
    return refused('body-invalid', `/reason: expected a text of 1 to ${reasonCharactersMax} characters in one line`)
  if (typeof dryRun !== 'boolean') return refused('body-invalid', '/dry_run: expected true or false')
  return accepted({ kind: target.kind, value: text, reason, dry_run: dryRun })
}
