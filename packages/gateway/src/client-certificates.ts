import { hash } from 'node:crypto'
import type { Duplex } from 'node:stream'
import { TLSSocket } from 'node:tls'

/**
 * Makes the reader of client certificates of one listener: the SHA-256 thumbprint (RFC 8705 section 3.1) of the certificate that a
 * client showed, undefined where it showed none. Read once a connection, for it costs as much as a signature.
 */
export function readClientCertificates(): (socket: Duplex) => string | undefined {
  const known = new WeakMap<Duplex, { readonly thumbprint: string | undefined }>()
  return (socket) => {
    const before = known.get(socket)
    if (before !== undefined) return before.thumbprint
    const thumbprint = socket instanceof TLSSocket ? thumbprintOfPeer(socket) : undefined
    known.set(socket, { thumbprint })
    return thumbprint
  }
}

function thumbprintOfPeer(socket: TLSSocket): string | undefined {
  // Without a certificate Node gives an object without members, whatever its type says.
  const { raw }: { readonly raw?: Buffer } = socket.getPeerCertificate()
  return raw === undefined ? undefined : hash('sha256', raw, 'base64url')
}
