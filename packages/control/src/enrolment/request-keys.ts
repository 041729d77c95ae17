import { hash, type KeyObject } from 'node:crypto'
import { keyIdOf } from '@pop-api/keyring'
import {
  importKeyRecord,
  isJsonObject,
  PopError,
  type EnrolmentKind,
  type JsonObject,
  type RenewRequest,
} from '@pop-api/protocol'
import { provenKeyOf } from '../authority/csr.ts'

/** The public keys that a workload brought, by what they are for; which there are depends on its kind. */
export interface BroughtKeys {
  readonly mesh?: KeyObject
  readonly public?: KeyObject
  readonly message?: KeyObject
  readonly txn?: KeyObject
}

type Member = keyof RenewRequest

/** What each kind must send, and no other member (interfaces.md, start of a child). */
const membersOf = {
  gateway: ['csr', 'public_csr', 'message_jwk', 'txn_jwk'],
  module: ['csr', 'message_jwk', 'manifest'],
  issuer: ['public_csr'],
} as const satisfies Record<EnrolmentKind, readonly Member[]>

/**
 * Reads the keys of `POST /enrol` or `POST /renew`. Throws `enrolment-refused` for another set of members than the kind has, a
 * request without proof of possession, a key that is not P-256, one key for two purposes. Untrusted input.
 */
export async function readBroughtKeys(body: JsonObject, kind: EnrolmentKind): Promise<BroughtKeys> {
  const wanted: readonly string[] = membersOf[kind]
  const sent = Object.keys(body).filter((member) => member !== 'token')
  const odd = [...sent.filter((name) => !wanted.includes(name)), ...wanted.filter((name) => !sent.includes(name))]
  if (odd.length > 0) {
    throw new PopError(
      'enrolment-refused',
      `A ${kind} sends ${wanted.join(', ')}; missing or too much: ${odd.join(', ')}.`,
    )
  }
  const keys: BroughtKeys = {
    ...(sent.includes('csr') ? { mesh: await provenKeyOf(body['csr'], 'csr') } : {}),
    ...(sent.includes('public_csr') ? { public: await provenKeyOf(body['public_csr'], 'public_csr') } : {}),
    ...(sent.includes('message_jwk') ? { message: jwkOf(body['message_jwk'], 'message_jwk') } : {}),
    ...(sent.includes('txn_jwk') ? { txn: jwkOf(body['txn_jwk'], 'txn_jwk') } : {}),
  }
  const ids = Object.values(keys).map(keyIdOf)
  if (new Set(ids).size !== ids.length) throw new PopError('enrolment-refused', 'Each key may serve one purpose only.')
  return keys
}

/** One text for a set of keys: what a one-time token is bound to by its first use. */
export function bindingOf(keys: BroughtKeys): string {
  const ids = Object.entries(keys).map(([name, key]) => `${name}=${keyIdOf(key)}`)
  return hash('sha256', ids.sort().join('\n'), 'base64url')
}

function jwkOf(jwk: unknown, member: string): KeyObject {
  // A private member would mean that the sender's key is on its way through networks and logs.
  const isPublic = isJsonObject(jwk) && !Object.hasOwn(jwk, 'd') && !Object.hasOwn(jwk, 'k')
  const record = isPublic ? importKeyRecord({ ...jwk, kid: member }) : undefined
  if (record?.alg === 'ES256') return record.key
  throw new PopError('enrolment-refused', `"${member}" must be the public half of a P-256 key.`)
}
