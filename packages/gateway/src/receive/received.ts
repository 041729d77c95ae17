import type { CanonicalTarget } from '@pop-api/protocol'

declare const receivedBrand: unique symbol

/** How long the body is, decided once. `none` also for `Content-Length: 0`. */
export type Framing =
  | { readonly kind: 'none' }
  | { readonly kind: 'length'; readonly bytes: number }
  | { readonly kind: 'chunked' }

/**
 * The canonical request: everything that later stages know of it. Only `receive()` makes one. Field names are in lower case,
 * each there once; a list field that came in several lines is joined.
 */
export interface Received {
  readonly [receivedBrand]: true
  readonly requestId: string
  readonly method: ReceivedMethod
  readonly target: CanonicalTarget
  readonly fields: ReadonlyMap<string, string>
  readonly framing: Framing
  /** Of the socket's peer; an IPv4 address mapped into IPv6 is written as IPv4. */
  readonly address: string
  /** The network of that address held too many connections when this one came. */
  readonly crowded: boolean
  /** `https://host:port` of the listener that it came to, as clients are to write it; undefined where the listener has no name. */
  readonly origin: string | undefined
  /** SHA-256 thumbprint of the client's certificate (RFC 8705), where the listener asks for one. It says nothing of who it is. */
  readonly certificate: string | undefined
  readonly startedMs: number
}

/** RFC 9110 section 9.2.1: methods that ask for no change. */
export function isSafe(method: ReceivedMethod): boolean {
  return method === 'GET' || method === 'HEAD' || method === 'OPTIONS'
}

export const receivedMethods = ['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS'] as const
export type ReceivedMethod = (typeof receivedMethods)[number]

/** What Node knows of a request, before anything is believed. */
export interface RawRequest {
  readonly method: string
  readonly url: string
  readonly httpVersion: string
  /** Name, value, name, value, as they arrived. */
  readonly rawHeaders: readonly string[]
  readonly remoteAddress: string
  readonly crowded: boolean
  readonly origin?: string | undefined
  readonly certificate?: string | undefined
}
