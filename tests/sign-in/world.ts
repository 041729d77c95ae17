import { generateKeyPairSync, type KeyObject } from 'node:crypto'
import { setTimeout as pause } from 'node:timers/promises'
import { isJsonObject, type JsonObject } from '@pop-api/protocol'
import { totpCode } from '@pop-api/identity'
import { developmentSettings } from '@pop-api/settings'
import { startPop, usesLiveServers, type ClientAnswer, type Pop } from '@pop-api/testkit'
import { kafka } from '../kafka.ts'

/** Somebody who signs in. A code is good for one sign-in, so every case takes a user of its own. */
export interface SignInUser {
  readonly id: string
  readonly username: string
  readonly password: string
  /** Base32; undefined for a newcomer. */
  readonly secret: string | undefined
}

/** A running system, as the table of sign-ins sees it: nothing of it depends on which provider there is. */
export interface SignInWorld {
  readonly provider: 'embedded' | 'keycloak'
  /** `https://host:port` */
  readonly gateway: string
  readonly issuer: string
  /** What clients trust of both, PEM. */
  readonly ca: string
  readonly failuresMax: number
  /** Returns once the provider has counted what was failed: Keycloak counts behind its answer. */
  readonly untilLocked: (user: SignInUser) => Promise<void>
  /** A user whom no case has had yet. */
  readonly takeUser: (kind?: 'enrolled' | 'newcomer') => SignInUser
  readonly clients: {
    /** The gateway's own name, which is no secret. */
    readonly gateway: string
    readonly service: { readonly id: string; readonly secret: string }
    /** Signs assertions (`private_key_jwt`). */
    readonly signer: { readonly id: string; readonly key: KeyObject }
    /** May exchange tokens. */
    readonly exchanger: { readonly id: string; readonly secret: string }
  }
  readonly form: Pop['form']
  /** Calls an operation that every user may use. */
  readonly use: (token: string) => Promise<ClientAnswer>
  readonly audit: Pop['audit']
  readonly changeSettings: Pop['changeSettings']
  readonly failures: readonly unknown[]
  readonly [Symbol.asyncDispose]: () => Promise<void>
}

const counts = { enrolled: 40, newcomer: 4 }
/** All cases come from one address, within seconds. */
const settings = `${developmentSettings}limits:\n  sign_in_rate: 1000\n  sign_in_burst: 1000\n`

/** A system on the embedded provider or, under `npm run test:live`, on Keycloak. */
export async function startSignInWorld(): Promise<SignInWorld> {
  const { privateKey, publicKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' })
  const pop = await startPop({
    modules: [kafka],
    settings,
    users: [
      ...namesOf('enrolled').map((username) => ({ username, roles: ['user'] })),
      ...namesOf('newcomer').map((username) => ({ username, roles: ['user'], secondFactor: false as const })),
    ],
    services: [
      { clientId: 'signer', publicJwk: { ...jwkOf(publicKey), kid: 'signer-1', alg: 'ES256', use: 'sig' } },
      { clientId: 'exchanger', exchangesTokens: true },
    ],
  })
  const left = { enrolled: namesOf('enrolled'), newcomer: namesOf('newcomer') }
  const { gateway, issuer, form, audit, changeSettings, failures } = pop
  return {
    provider: usesLiveServers() ? 'keycloak' : 'embedded',
    gateway,
    issuer,
    ca: `${pop.ca}\n${pop.issuerCa}`,
    failuresMax: 5,
    untilLocked: async ({ id }) => {
      while (usesLiveServers() && !(await pop.keycloak().failuresOf(id)).locked) await pause(20)
    },
    takeUser: (kind = 'enrolled') => userOf(pop, left[kind].shift()),
    clients: {
      gateway: 'pop-gateway',
      service: credentialsOf(pop, 'reporter'),
      signer: { id: 'signer', key: privateKey },
      exchanger: credentialsOf(pop, 'exchanger'),
    },
    form,
    use: (token) => pop.call(token, 'GET', '/v1/kafka/topics'),
    audit,
    changeSettings,
    failures,
    [Symbol.asyncDispose]: () => pop[Symbol.asyncDispose](),
  }
}

/** The present code of a user. */
export function codeOf({ username, secret }: SignInUser): string {
  if (secret === undefined) throw new Error(`${username} has no second factor`)
  return totpCode(secret, Date.now())
}

/** The claims of a token, whose signature is not looked at: whether it holds, `use` shows. */
export function claimsOf({ body }: ClientAnswer): JsonObject {
  const [, claims = ''] = String(body['access_token']).split('.')
  const parsed: unknown = JSON.parse(Buffer.from(claims, 'base64url').toString('utf8'))
  return isJsonObject(parsed) ? parsed : {}
}

function namesOf(kind: keyof typeof counts): string[] {
  return Array.from({ length: counts[kind] }, (_none, index) => `${kind}-${index}`)
}

function userOf({ users }: Pop, name: string | undefined): SignInUser {
  const user = users.users.find(({ username }) => username === name)
  if (user === undefined) throw new Error('every user has been taken: make more in tests/sign-in/world.ts')
  const { id, username, password, totp_secret: secret } = user
  return { id, username, password, secret }
}

function credentialsOf({ users }: Pop, id: string): { readonly id: string; readonly secret: string } {
  const client = users.clients.find(({ client_id }) => client_id === id)
  if (client === undefined) throw new Error(`there is no client ${id}`)
  return { id, secret: client.client_secret }
}

function jwkOf(key: KeyObject): JsonObject {
  const jwk: unknown = key.export({ format: 'jwk' })
  return isJsonObject(jwk) ? jwk : {}
}
