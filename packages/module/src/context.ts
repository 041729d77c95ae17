import type { Socket } from 'node:net'
import type { AuditLog } from '@pop-api/audit'
import type { NonceStore, SealIdentity, Trust, WitCache } from '@pop-api/protocol'
import type { ResourceBook } from './book/book.ts'
import type { RevokedCallers } from './revoked.ts'

/** Lets a server take requests without a TLS peer over plain loopback HTTP. For tests and for development without mTLS. */
export const allowPlainLoopback: unique symbol = Symbol('allowPlainLoopback')

/** What serving a module needs beside its definition. The giver closes the log and the book. */
export interface ModuleContext {
  /** Own SPIFFE ID: what `wimse-aud` must be. */
  readonly spiffeId: string
  /** 128 random bits in base64url, made anew at each start. */
  readonly boot: string
  /** Keys of the newest bulletin; undefined while there are none, and then everything is refused. */
  readonly trust: () => Trust | undefined
  readonly sealIdentity: () => SealIdentity
  /** SPIFFE ID of the TLS peer, which the handshake has verified; undefined for a connection without one. */
  readonly peerOf: (socket: Socket) => string | undefined
  /** Milliseconds since 1970. */
  readonly nowMs: () => number
  readonly nextNonce: () => string
  readonly nonces: NonceStore
  readonly wits: WitCache
  readonly revoked: Pick<RevokedCallers, 'isRevoked' | 'begin'>
  readonly audit: AuditLog
  readonly book: ResourceBook
  /** Told of every failure that a caller only sees as `internal` or `audit-unavailable`. Must not throw. */
  readonly onFault: (fault: unknown, requestId: string) => void
  /** Default false. */
  readonly [allowPlainLoopback]?: boolean
}
