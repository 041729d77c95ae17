import type { TLSSocket } from 'node:tls'
import { spkiSha256Of } from '@pop-api/keyring'
import { parseSpiffeId } from '@pop-api/protocol'
import { spiffeIdOfNames } from './tls.ts'

/** Reading a certificate costs 40 µs, and what it says never changes on one socket. */
const known = new WeakMap<TLSSocket, string>()

/**
 * The SPIFFE ID of the peer, from a certificate that TLS has verified: exactly one name, a SPIFFE URI of this profile; a common
 * name counts for nothing. Undefined for everybody else. The caller compares the trust domain and decides what the ID may do.
 */
export function peerSpiffeId(socket: TLSSocket): string | undefined {
  const cached = known.get(socket)
  if (cached !== undefined) return cached
  if (!socket.authorized) return undefined
  const spiffeId = spiffeIdOfNames(socket.getPeerX509Certificate()?.subjectAltName)
  if (spiffeId === undefined || parseSpiffeId(spiffeId) === undefined) return undefined
  known.set(socket, spiffeId)
  return spiffeId
}

/**
 * Lower-case hex of SHA-256 over the SubjectPublicKeyInfo of the peer's certificate, which TLS has verified and whose private key
 * the peer proved to have. Undefined for everybody else.
 */
export function peerKeySha256(socket: TLSSocket): string | undefined {
  const certificate = socket.authorized ? socket.getPeerX509Certificate() : undefined
  return certificate && spkiSha256Of(certificate.publicKey)
}
