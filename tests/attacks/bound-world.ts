import {
  createPrivateKey,
  createPublicKey,
  generateKeyPairSync,
  hash,
  randomUUID,
  sign,
  type KeyObject,
} from 'node:crypto'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as wait } from 'node:timers/promises'
import { defineModule } from '@pop-api/module'
import type { ManifestDocument } from '@pop-api/protocol'
import { developmentSettings } from '@pop-api/settings'
import { startPop, type ClientAnswer, type Pop, type TestModule } from '@pop-api/testkit'

// A system whose provider issues tokens that are bound: its key signs what a test says, for the embedded one binds none.

/** What a proof says; a member that is `undefined` is not there. */
export interface ProofChange {
  readonly header?: Readonly<Record<string, unknown>>
  readonly claims?: Readonly<Record<string, unknown>>
  /** The key that signs, and that stands in the header. */
  readonly key?: KeyObject
}

export interface BoundWorld extends AsyncDisposable {
  readonly pop: Pop
  /** A moment before the gateway began. */
  readonly startedSeconds: number
  /** The key that bound tokens are bound to. */
  readonly key: KeyObject
  readonly thumbprint: string
  /** A token of the provider with these claims beside those of alice. */
  readonly token: (claims?: Readonly<Record<string, unknown>>) => string
  /** The same, bound to `key`. */
  readonly bound: (claims?: Readonly<Record<string, unknown>>) => string
  /** A proof for `GET /v1/vault/open` and this token, made now. */
  readonly proof: (token: string, change?: ProofChange) => string
  /** `GET path`, with the token as DPoP and this proof, if there is one. */
  readonly ask: (token: string, proof: string | undefined, path?: string) => Promise<ClientAnswer>
}

const methods = { open: {}, bound: { bound: true }, fresh: { max_age: 300 } } as const

/** Operations that ask for nothing, for a bound token, for a sign-in of late. */
const vaultManifest: ManifestDocument = {
  openapi: '3.1.0',
  info: { title: 'vault', version: '1' },
  'x-pop-module': { name: 'vault', base: '/v1/vault', permissions: ['vault.read'] },
  paths: Object.fromEntries(
    Object.entries(methods).map(([name, more]) => [
      `/${name}`,
      {
        get: {
          operationId: name,
          summary: name,
          'x-pop-requires': { role: 'create_resource', module: 'vault.read', ...more },
        },
      },
    ]),
  ),
}

const answer = () => ({ status: 200, body: { open: true } })
export const vault: TestModule = {
  name: 'vault',
  manifest: vaultManifest,
  open: () => ({
    definition: defineModule({
      manifest: vaultManifest,
      handlers: { open: answer, bound: answer, fresh: answer },
      exists: () => false,
    }),
    [Symbol.dispose]: () => undefined,
  }),
}

const encode = (value: unknown): string => Buffer.from(JSON.stringify(value)).toString('base64url')
const decode = (part: string | undefined): Record<string, unknown> =>
  JSON.parse(Buffer.from(part ?? '', 'base64url').toString())

export const jwkOf = (key: KeyObject) => createPublicKey(key).export({ format: 'jwk' })
export const makeKey = (): KeyObject => generateKeyPairSync('ec', { namedCurve: 'P-256' }).privateKey

/** As RFC 7638 says, by hand. */
function thumbprintOfKey(key: KeyObject): string {
  const { crv, kty, x, y } = jwkOf(key)
  return hash('sha256', JSON.stringify({ crv, kty, x, y }), 'base64url')
}

/** As far ahead as a clock may be: a gateway that began this moment takes no older proof. */
const proofSeconds = (): number => Math.floor(Date.now() / 1000) + 5

/** Starts it, with the listener for client certificates. Resolves once the gateway takes proofs. */
export async function startBoundWorld(): Promise<BoundWorld> {
  const startedSeconds = Math.floor(Date.now() / 1000)
  const settings = `${developmentSettings}\nlisteners:\n  gateway_mtls: true\n`
  const pop = await startPop({ modules: [vault], settings })
  const signer = createPrivateKey(readFileSync(join(pop.home, 'identity', 'signing-key.pem')))
  const [head, body] = (await pop.token('alice')).split('.')
  const key = makeKey()
  const thumbprint = thumbprintOfKey(key)
  const token: BoundWorld['token'] = (claims = {}) => {
    const fresh = { ...decode(body), jti: randomUUID(), permissions: ['vault.read'], ...claims }
    const text = `${head}.${encode(fresh)}`
    return `${text}.${sign('sha256', Buffer.from(text), signer).toString('base64url')}`
  }
  const world: BoundWorld = {
    pop,
    startedSeconds,
    key,
    thumbprint,
    token,
    bound: (claims) => token({ cnf: { jkt: thumbprint }, ...claims }),
    proof: (presented, change = {}) => makeProof(pop, presented, { key, ...change }),
    ask: (presented, proof, path = '/v1/vault/open') => {
      const fields = { authorization: `DPoP ${presented}`, ...(proof === undefined ? {} : { dpop: proof }) }
      return pop.call(undefined, 'GET', path, undefined, fields)
    },
    [Symbol.asyncDispose]: () => pop[Symbol.asyncDispose](),
  }
  const probe = world.bound()
  while ((await world.ask(probe, world.proof(probe))).status === 503) await wait(50)
  return world
}

function makeProof({ gateway }: Pop, token: string, { header, claims, key }: ProofChange & { key: KeyObject }): string {
  const said = {
    jti: randomUUID(),
    htm: 'GET',
    htu: `${gateway}/v1/vault/open`,
    iat: proofSeconds(),
    ath: hash('sha256', token, 'base64url'),
    ...claims,
  }
  const text = `${encode({ typ: 'dpop+jwt', alg: 'ES256', jwk: jwkOf(key), ...header })}.${encode(said)}`
  const signature = sign('sha256', Buffer.from(text), { key, dsaEncoding: 'ieee-p1363' })
  return `${text}.${signature.toString('base64url')}`
}
