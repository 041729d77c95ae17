import { constants } from 'node:crypto'
import type { ServerOptions } from 'node:https'
import type { PeerCertificate } from 'node:tls'

/** Who a process is inside the mesh, and whom it believes. All PEM. */
export interface MeshIdentity {
  readonly certificate: string
  readonly privateKey: string
  readonly roots: readonly string[]
}

/** Whoever has a present mesh identity: `Membership`, or control itself. */
export interface MeshMember {
  readonly mesh: () => MeshIdentity
}

/** Options of `tls.connect`, `https.Agent` and undici's `connect`. */
export type MeshClientOptions = typeof meshTls & {
  readonly cert: string
  readonly key: string
  readonly ca: string[]
  readonly rejectUnauthorized: true
  readonly secureOptions: number
  readonly checkServerIdentity: (host: string, peer: PeerCertificate) => Error | undefined
}

/** TLS of the mesh (wire.md, certificate): 1.3 only, hybrid groups first, two suites. */
export const meshTls = {
  minVersion: 'TLSv1.3',
  maxVersion: 'TLSv1.3',
  ecdhCurve: 'X25519MLKEM768:SecP256r1MLKEM768:X25519:P-256',
  ciphers: 'TLS_AES_256_GCM_SHA384:TLS_CHACHA20_POLY1305_SHA256',
} as const

/**
 * Options of a server that only members of the mesh can reach: a client certificate is mandatory, no tickets, no resumption.
 * The same object is what `server.setSecureContext` takes after a renewal. Use `peerSpiffeId` to learn who it is.
 */
export function meshServerOptions(member: MeshMember): ServerOptions {
  const { certificate, privateKey, roots } = member.mesh()
  return {
    ...meshTls,
    cert: certificate,
    key: privateKey,
    ca: [...roots],
    requestCert: true,
    rejectUnauthorized: true,
    secureOptions: constants.SSL_OP_NO_TICKET,
  }
}

/**
 * Options of a connection to exactly one peer. `accepts` gets the peer's SPIFFE ID once the chain is verified; without its
 * consent nothing is sent. Names and addresses play no part.
 */
export function meshClientOptions(member: MeshMember, accepts: (spiffeId: string) => boolean): MeshClientOptions {
  const { certificate, privateKey, roots } = member.mesh()
  return {
    ...meshTls,
    cert: certificate,
    key: privateKey,
    ca: [...roots],
    rejectUnauthorized: true,
    secureOptions: constants.SSL_OP_NO_TICKET,
    checkServerIdentity: (_host, peer) => refuseOther(peer, accepts),
  }
}

function refuseOther(peer: PeerCertificate, accepts: (spiffeId: string) => boolean): Error | undefined {
  const spiffeId = spiffeIdOfNames(peer.subjectaltname)
  if (spiffeId !== undefined && accepts(spiffeId)) return undefined
  return new Error(`The peer is ${spiffeId ?? 'nobody of the mesh'}, which is not who was dialled.`)
}

/**
 * The SPIFFE ID in a subject alternative name as Node writes it; undefined unless it is the only name there. Node quotes a name
 * that has a comma, so no single name can look like two or the other way round.
 */
export function spiffeIdOfNames(names: string | undefined): string | undefined {
  return /^URI:(spiffe:\/\/[A-Za-z0-9._/-]+)$/.exec(names ?? '')?.[1]
}
