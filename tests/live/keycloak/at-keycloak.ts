import { createPublicKey, hash, randomUUID, sign, type KeyObject } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { exchange, liveServers, type ClientAnswer, type ClientRequest, type Pop } from '@pop-api/testkit'
import type { SignInUser, SignInWorld } from '../../sign-in/world.ts'

// What a client does at Keycloak itself, past the gateway.

/** As much of a world as the ways of `tests/sign-in/ways.ts` need that go through the pages of the provider. */
export function pagesOf({ issuer, ca, issuerCa, form }: Pop): SignInWorld {
  // They look at these members and no others.
  return { issuer, ca: `${ca}\n${issuerCa}`, form } as SignInWorld
}

/** Somebody of a test system. */
export function personOf({ users }: Pop, name: string): SignInUser {
  const user = users.users.find(({ username }) => username === name)
  if (user === undefined) throw new Error(`there is no user ${name}`)
  const { id, username, password, totp_secret: secret } = user
  return { id, username, password, secret }
}

/** The address of the token endpoint, for which proofs are made. */
export function tokenEndpoint({ issuer }: Pop): string {
  return `${issuer}/protocol/openid-connect/token`
}

export interface AskOptions {
  readonly proof?: string
  readonly client?: ClientRequest['client']
}

/** `POST` to an endpoint below `/protocol/openid-connect`. */
export function askKeycloak(
  pop: Pop,
  path: string,
  form: Readonly<Record<string, string>>,
  { proof, client }: AskOptions = {},
): Promise<ClientAnswer> {
  const { server, ca } = liveServers().keycloak
  const fields = { 'content-type': 'application/x-www-form-urlencoded' }
  return exchange({
    method: 'POST',
    origin: server,
    path: `${new URL(pop.issuer).pathname}/protocol/openid-connect${path}`,
    ca: readFileSync(ca, 'utf8'),
    headers: proof === undefined ? fields : { ...fields, dpop: proof },
    body: new URLSearchParams(form).toString(),
    ...(client === undefined ? {} : { client }),
  })
}

/** A DPoP proof (RFC 9449 section 4.2), for an access token where there is one yet. */
export function makeProof(key: KeyObject, method: string, url: string, token?: string): string {
  const encode = (value: unknown): string => Buffer.from(JSON.stringify(value)).toString('base64url')
  const ath = token === undefined ? {} : { ath: hash('sha256', token, 'base64url') }
  const claims = { jti: randomUUID(), htm: method, htu: url, iat: Math.floor(Date.now() / 1000), ...ath }
  const jwk = createPublicKey(key).export({ format: 'jwk' })
  const text = `${encode({ typ: 'dpop+jwt', alg: 'ES256', jwk })}.${encode(claims)}`
  const signature = sign('sha256', Buffer.from(text), { key, dsaEncoding: 'ieee-p1363' })
  return `${text}.${signature.toString('base64url')}`
}

/** The claims of a token that Keycloak has just given. */
export function claimsIn(token: unknown): Readonly<Record<string, unknown>> {
  // Signed by the Keycloak under test; the tests look at each member.
  return JSON.parse(Buffer.from(String(token).split('.')[1] ?? '', 'base64url').toString()) as Record<string, unknown>
}
