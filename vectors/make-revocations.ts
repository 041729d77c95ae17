// Writes revocations.json: `node --conditions=@pop-api/source vectors/make-revocations.ts`. Nothing in it is signed, so every run
// writes the same. packages/protocol/src/incident/vectors.test.ts says whether a file is right.
import { writeFile } from 'node:fs/promises'
import { identifyRevocation, type Revocation, type RevocationFacts } from '../packages/protocol/src/incident/revocation.ts'
import { nowMs, txnClaims } from '../packages/protocol/src/seal/fixed-world.ts'
import { source } from './world.ts'

const now = Math.floor(nowMs / 1000)
const until = now + 600
const { sub } = txnClaims
const rctx = {
  req_ip: '192.0.2.7',
  client: 'pop',
  sid: 's-1',
  auth_jti: 'a-1',
  auth_kid: 'k-1',
  auth_iat: now - 30,
  auth_time: now - 300,
}

/** A test token that the user of the others made. */
const made = {
  sub: 'user:urn:pop:test:tester',
  rctx: {
    req_ip: '192.0.2.7',
    client: 'pop-test',
    auth_jti: 't-1',
    auth_iat: now,
    test_token: true,
    maker: { sub, sid: 's-1', auth_jti: 'a-1', auth_iat: now - 30 },
  },
}

interface Case {
  readonly name: string
  readonly outcome: 'covered' | 'free'
  readonly revocations: readonly Revocation[]
  readonly rctx?: Readonly<Record<string, unknown>>
  readonly sub?: string
  readonly now_ms?: number
}

const about = (name: string, outcome: Case['outcome'], facts: RevocationFacts, change: Partial<Case> = {}): Case => ({
  name,
  outcome,
  revocations: [identifyRevocation(facts)],
  ...change,
})

const user = { kind: 'sub', value: sub, until } as const
const client = { kind: 'client', value: 'pop', until } as const
const issuer = { kind: 'issuer', value: 'https://localhost:8444/realms/pop', until } as const
const session = { kind: 'sid', value: 's-1', until } as const
const { auth_iat: _iat, ...timeless } = rctx
const { auth_time: _time, ...withoutSignIn } = rctx

const cases: readonly Case[] = [
  { name: 'nothing is revoked', outcome: 'free', revocations: [] },
  about('the token', 'covered', { kind: 'jti', value: 'a-1', until }),
  about('another token', 'free', { kind: 'jti', value: 'a-2', until }),
  about('the session', 'covered', session),
  about('another session', 'free', { ...session, value: 's-2' }),
  about('a session of the name of the token', 'free', { ...session, value: 'a-1' }),
  about('the key', 'covered', { kind: 'kid', value: 'k-1', until }),
  about('the user, to the second of the token', 'covered', { ...user, issued_until: now - 30 }, { rctx: withoutSignIn }),
  about('the user, a second before', 'free', { ...user, issued_until: now - 31 }, { rctx: withoutSignIn }),
  about('the user after the sign-in and before the refresh', 'covered', { ...user, issued_until: now - 200 }),
  about('the user before the sign-in', 'free', { ...user, issued_until: now - 301 }),
  about('another user', 'free', { ...user, value: 'user:nobody', issued_until: now }),
  about('the user under the name of a service', 'free', { ...user, issued_until: now }, { sub: 'client:reporter' }),
  about('the client after the sign-in and before the refresh', 'covered', { ...client, issued_until: now - 200 }),
  about('the client before the sign-in', 'free', { ...client, issued_until: now - 301 }),
  about('everything of a provider', 'covered', { ...issuer, issued_until: now - 30 }),
  about('everything of a provider before the refresh', 'free', { ...issuer, issued_until: now - 31 }),
  about('everything of a provider, and a test token', 'free', { ...issuer, issued_until: now }, { rctx: { ...rctx, test_token: true } }),
  about('the user, and a test token that he made', 'covered', { ...user, issued_until: now - 30 }, made),
  about('the user before he got what he made a test token by', 'free', { ...user, issued_until: now - 31 }, made),
  about('the session, and a test token that was made in it', 'covered', session, made),
  about('another session than the one that a test token was made in', 'free', { ...session, value: 's-2' }, made),
  about('the user, and nobody knows when the token was issued', 'covered', { ...user, issued_until: 0 }, { rctx: timeless }),
  about('the session, in the last second', 'covered', session, { now_ms: (until - 1) * 1000 }),
  about('the session, at its end', 'free', session, { now_ms: until * 1000 }),
  {
    name: 'the widest of several counts',
    outcome: 'covered',
    revocations: [
      identifyRevocation({ ...user, issued_until: now }),
      identifyRevocation({ ...user, issued_until: now - 301, until: now + 1 }),
    ],
  },
]

const vectors = {
  source,
  note:
    'revocations are as the section "incidents" has them for a module; sub and rctx are of a Txn-Token; outcome says whether a module ' +
    'refuses it; id is the first 22 characters of the SHA-256, in base64url, of [kind, value, issued_until or null] in JSON',
  expected: { now_ms: nowMs, sub, rctx },
  cases,
}

await writeFile(new URL('revocations.json', import.meta.url), `${JSON.stringify(vectors, null, 1)}\n`)
