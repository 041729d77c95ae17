import { hash, randomUUID, type KeyObject } from 'node:crypto'
import type { JWK } from 'jose'
import {
  formatSpiffeId,
  importPublicKey,
  isJsonObject,
  mintWit,
  parseManifest,
  PopError,
  type EnrolResponse,
  type JsonObject,
  type Manifest,
  type TokenSigner,
  type WorkloadId,
} from '@pop-api/protocol'
import { parseEnrolmentToken } from '@pop-api/workload'
import type { ApiKeyBook } from '../apikeys/api-key-book.ts'
import type { Authority } from '../authority/authority.ts'
import { csrKey } from '../authority/csr-key.ts'
import type { Entitlement, TokenBook } from './token-book.ts'

/** A workload that has just been enrolled: what the bulletin will say of it. */
export interface Member {
  readonly spiffeId: string | undefined
  readonly entitlement: Entitlement
  readonly manifest: Manifest | undefined
  readonly txnKey: KeyObject | undefined
}

export interface EnrolmentOffice {
  readonly domain: string
  /** SPIFFE ID of this control node. */
  readonly controlId: string
  readonly mesh: Authority
  readonly publicAuthority: Authority
  readonly witSigner: TokenSigner
  readonly bulletinJwk: JWK
  /** Address of the control listener. */
  readonly controlAddress: () => string
  readonly certificateLifeMs: number
  /** Names of public listeners on this machine. */
  readonly publicNames: { readonly dnsNames: readonly string[]; readonly addresses: readonly string[] }
  readonly tokens: TokenBook
  readonly apiKeys: ApiKeyBook
  readonly enrolled: (member: Member) => void
  readonly nowMs: () => number
}

interface Keys {
  readonly mesh: KeyObject | undefined
  readonly public: KeyObject | undefined
  readonly message: KeyObject | undefined
  readonly txn: KeyObject | undefined
}

/** Which members each kind must send, and no other (interfaces.md, `POST /enrol`). */
const membersOf = {
  gateway: ['csr', 'public_csr', 'message_jwk', 'txn_jwk'],
  module: ['csr', 'message_jwk', 'manifest'],
  issuer: ['public_csr'],
} as const

/**
 * Makes a workload a member of the mesh. The name, the kind and so the SPIFFE ID come from the token alone. Throws
 * `enrolment-refused`, or `manifest-invalid`. Untrusted input.
 */
export async function enrol(request: unknown, office: EnrolmentOffice): Promise<EnrolResponse> {
  const body = isJsonObject(request) ? request : {}
  const token = typeof body['token'] === 'string' ? parseEnrolmentToken(body['token']) : undefined
  if (token === undefined || token.rootSpkiSha256 !== office.publicAuthority.rootSpkiSha256) {
    throw new PopError('enrolment-refused', 'The enrolment token is malformed, or of another control.')
  }
  const keys = readKeys(body)
  const manifest = body['manifest'] === undefined ? undefined : parseManifest(body['manifest'])
  const entitlement = office.tokens.redeem(token.secret, digestOf(keys), office.nowMs())
  checkMembers(body, entitlement, manifest)
  const id = workloadId(entitlement, keys, office.domain)
  const membership =
    id === undefined ? {} : await grantMembership(String(body['csr']), keys, formatSpiffeId(id), office)
  const names = { kind: 'public', ...office.publicNames } as const
  const publicCsr = body['public_csr']
  const granted: EnrolResponse = {
    ...membership,
    ...(typeof publicCsr === 'string'
      ? { public_certificate: await office.publicAuthority.issue(publicCsr, names, office.certificateLifeMs) }
      : {}),
    ...(entitlement.kind === 'module' ? { api_key: office.apiKeys.replace(entitlement.name) } : {}),
    mesh_roots: [office.mesh.root],
    bulletin_jwk: office.bulletinJwk,
    control: office.controlAddress(),
  }
  office.enrolled({ spiffeId: id && formatSpiffeId(id), entitlement, manifest, txnKey: keys.txn })
  return granted
}

async function grantMembership(
  csr: string,
  keys: Keys,
  spiffeId: string,
  office: EnrolmentOffice,
): Promise<Partial<EnrolResponse>> {
  if (keys.message === undefined) throw new PopError('enrolment-refused', 'A member of the mesh needs a message key.')
  const certificate = await office.mesh.issue(csr, { kind: 'workload', spiffeId }, office.certificateLifeMs)
  const iat = Math.floor(office.nowMs() / 1000)
  const exp = iat + Math.floor(office.certificateLifeMs / 1000)
  const claims = { iss: office.controlId, sub: spiffeId, iat, exp, jti: randomUUID(), publicKey: keys.message }
  return { spiffe_id: spiffeId, certificate, wit: mintWit(claims, office.witSigner) }
}

function readKeys(body: JsonObject): Keys {
  return {
    mesh: csrKey(body['csr']),
    public: csrKey(body['public_csr']),
    message: readJwk(body['message_jwk']),
    txn: readJwk(body['txn_jwk']),
  }
}

function readJwk(jwk: unknown): KeyObject | undefined {
  if (jwk === undefined) return undefined
  const key = isJsonObject(jwk) ? importPublicKey(jwk, 'ES256') : undefined
  if (key === undefined) throw new PopError('enrolment-refused', 'A key of the request is not a P-256 public key.')
  return key
}

/** One text for a set of keys, whatever the requests around them look like: an ECDSA request differs each time it is signed. */
function digestOf(keys: Keys): string {
  const parts = [keys.mesh, keys.public, keys.message, keys.txn].map((key) =>
    key === undefined ? '-' : fingerprint(key),
  )
  // Keys of two purposes must be two keys: one that is stolen must not open the other door.
  const used = parts.filter((part) => part !== '-')
  if (new Set(used).size !== used.length) throw new PopError('enrolment-refused', 'One key is used for two purposes.')
  return hash('sha256', parts.join(' '), 'hex')
}

function fingerprint(key: KeyObject): string {
  return hash('sha256', key.export({ type: 'spki', format: 'der' }), 'hex')
}

function checkMembers(body: JsonObject, { kind, name }: Entitlement, manifest: Manifest | undefined): void {
  const wanted: readonly string[] = ['token', ...membersOf[kind]]
  const given = Object.keys(body).filter((member) => body[member] !== undefined)
  if (given.length !== wanted.length || !given.every((member) => wanted.includes(member))) {
    throw new PopError('enrolment-refused', `A ${kind} enrols with exactly ${wanted.join(', ')}.`)
  }
  if (kind === 'module' && manifest?.name !== name) {
    throw new PopError('enrolment-refused', `The token is for the module ${name}, and the manifest names another.`)
  }
}

/** The instance of a module is named for its key, so that the same keys are the same instance. */
function workloadId({ kind, name }: Entitlement, keys: Keys, domain: string): WorkloadId | undefined {
  if (kind === 'issuer') return undefined
  if (kind === 'gateway') return { domain, kind, node: name }
  if (keys.mesh === undefined) throw new PopError('enrolment-refused', 'A module enrols with a certificate request.')
  return { domain, kind, module: name, instance: fingerprint(keys.mesh).slice(0, 16) }
}
