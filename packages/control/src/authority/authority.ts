import { createPublicKey, X509Certificate, type KeyObject } from 'node:crypto'
import { join } from 'node:path'
import { keyFile, keyIdOf, spkiSha256Of } from '@pop-api/keyring'
import type { TokenSigner, TrustedKey, TrustSection } from '@pop-api/protocol'
import { readFact, setFact, type Store } from '../store/store.ts'
import { makeRoot, type Authority } from './certificate.ts'

/** Every key that control signs with. Each has one purpose; all lie 0600 under `<home>/keys`. */
export interface AuthoritySet {
  /** Signs certificates of public listeners; in no mesh trust store. */
  readonly publicCa: Authority
  readonly rootSpkiSha256: string
  /** Signs SPIFFE certificates. */
  readonly meshCa: Authority
  readonly witIssuer: TokenSigner
  readonly bulletin: TokenSigner
  /** Key of the HMAC that makes the same API key for the same enrolment (see `apikeys/`). */
  readonly enrolmentKey: KeyObject
}

const rootLifeMs = 10 * 365 * 24 * 3_600_000

/** Opens the keys and the two roots, or makes them at the first start. */
export async function openAuthorities(home: string, store: Store, nowMs: number): Promise<AuthoritySet> {
  const key = (name: string): Promise<KeyObject> => keyFile(join(home, 'keys', `${name}.pem`), 'ec-p256')
  const publicCa = await openAuthority(store, 'public', await key('public-ca'), nowMs)
  return {
    publicCa,
    rootSpkiSha256: spkiSha256Of(new X509Certificate(publicCa.certificate).publicKey),
    meshCa: await openAuthority(store, 'mesh', await key('mesh-ca'), nowMs),
    witIssuer: signerOf(await key('wit-issuer')),
    bulletin: signerOf(await key('bulletin')),
    enrolmentKey: await key('enrolment'),
  }
}

/** The parts of the trust section that control itself answers for. */
export function ownTrust({ meshCa, witIssuer }: AuthoritySet): Pick<TrustSection, 'authorities' | 'wit_issuers'> {
  const id = spkiSha256Of(new X509Certificate(meshCa.certificate).publicKey)
  return {
    authorities: [{ id, state: 'active', certificate: meshCa.certificate }],
    wit_issuers: [publicKeyOf(witIssuer)],
  }
}

/** The public half of a signer as others list it. */
export function publicKeyOf({ kid, privateKey }: TokenSigner): TrustedKey {
  return { kid, state: 'active', jwk: publicJwk(createPublicKey(privateKey)) }
}

/** A P-256 public key as a JWK with `alg` and `kid` (RFC 7517 section 4). */
export function publicJwk(key: KeyObject): TrustedKey['jwk'] {
  const { kty = '', crv = '', x = '', y = '' } = key.export({ format: 'jwk' })
  return { kty, crv, x, y, alg: 'ES256', kid: keyIdOf(key) }
}

function signerOf(privateKey: KeyObject): TokenSigner {
  return { kid: keyIdOf(privateKey), privateKey }
}

/** A root that is not of the key any more (a restored store, a removed key) is made anew: the key decides. */
async function openAuthority(store: Store, name: string, privateKey: KeyObject, nowMs: number): Promise<Authority> {
  const fact = `${name}-ca`
  const kept = readFact(store, fact)
  if (kept !== undefined && new X509Certificate(kept).checkPrivateKey(privateKey))
    return { certificate: kept, privateKey }
  const validity = { fromMs: nowMs - 60_000, toMs: nowMs + rootLifeMs }
  const certificate = await makeRoot(`POP API ${name} root`, privateKey, validity)
  setFact(store, fact, certificate)
  return { certificate, privateKey }
}
