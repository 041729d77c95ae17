import { createPublicKey, type KeyObject } from 'node:crypto'
import { join } from 'node:path'
import { keyFile, keyIdOf } from '@pop-api/keyring'
import type { EnrolmentKind, ManifestDocument, RenewRequest } from '@pop-api/protocol'
import { makeCsr } from './csr.ts'

/** The private keys of one workload; which there are depends on its kind. No key serves two purposes. */
export interface WorkloadKeys {
  /** TLS inside the mesh. */
  readonly mesh?: KeyObject
  /** Message signatures; the WIT names its public half. */
  readonly message?: KeyObject
  /** TLS towards clients. */
  readonly public?: KeyObject
  /** Txn-Tokens of a gateway. */
  readonly txn?: KeyObject
}

type KeyName = keyof WorkloadKeys

/** Which keys each kind has (interfaces.md, `POST /enrol`). */
const keysOfKind = {
  gateway: ['mesh', 'message', 'public', 'txn'],
  module: ['mesh', 'message'],
  issuer: ['public'],
} as const satisfies Record<EnrolmentKind, readonly KeyName[]>

/** Opens the keys under `<home>/keys`, or makes them. They are kept through restarts and renewals. */
export async function openKeys(home: string, kind: EnrolmentKind): Promise<WorkloadKeys> {
  const keys: { -readonly [K in KeyName]?: KeyObject } = {}
  for (const name of keysOfKind[kind]) keys[name] = await keyFile(join(home, 'keys', `${name}.pem`), 'ec-p256')
  return keys
}

/** What a workload asks control for: the same at enrolment and at renewal. */
export function requestFor(keys: WorkloadKeys, manifest: ManifestDocument | undefined): RenewRequest {
  return {
    ...(keys.mesh === undefined ? {} : { csr: makeCsr(keys.mesh) }),
    ...(keys.public === undefined ? {} : { public_csr: makeCsr(keys.public) }),
    ...(keys.message === undefined ? {} : { message_jwk: publicJwk(keys.message) }),
    ...(keys.txn === undefined ? {} : { txn_jwk: publicJwk(keys.txn) }),
    ...(manifest === undefined ? {} : { manifest }),
  }
}

function publicJwk(key: KeyObject): NonNullable<RenewRequest['message_jwk']> {
  const { crv, x, y } = createPublicKey(key).export({ format: 'jwk' })
  // An EC key always has these three (RFC 7518 section 6.2.1); the type of Node's export allows for every kind of key.
  return { kty: 'EC', crv: crv ?? '', x: x ?? '', y: y ?? '', alg: 'ES256', kid: keyIdOf(key) }
}
