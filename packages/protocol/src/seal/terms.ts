import type { KeyObject } from 'node:crypto'
import type { Verdict } from '../verdict.ts'

/** Header fields or trailers as Node has them: name, value, name, value. */
export type FlatFields = readonly string[]

/** The same as pairs, as `addTrailers` of Node takes them. */
export function fieldPairs(flat: FlatFields): [name: string, value: string][] {
  const pairs: [string, string][] = []
  for (let index = 0; index + 1 < flat.length; index += 2) pairs.push([flat[index] ?? '', flat[index + 1] ?? ''])
  return pairs
}

/** The workload that seals: its WIT and the private key whose public half the WIT names. */
export interface SealIdentity {
  readonly wit: string
  readonly privateKey: KeyObject
}

/** Why a message is refused. */
export type Refusal = Extract<Verdict<never>, { readonly ok: false }>

export interface SealMoment {
  /** Milliseconds since 1970. */
  readonly nowMs: number
  /** Used once, 8 to 64 characters of base64url: `createNonceSource`. */
  readonly nonce: string
}

/** How far in time a verifier goes. */
export interface SealLimits {
  readonly lifeSecondsMax: number
  /** How far ahead of our clock `created` may lie. */
  readonly skewSecondsMax: number
}

export const sealLimits: SealLimits = { lifeSecondsMax: 60, skewSecondsMax: 5 }

/** A body that is still on its way when its head is sealed (wire.md, bodies). */
export interface StreamedBody {
  /** `trailer`: the end of the body is sealed as well. `open`: the head alone is, and the length is not known. */
  readonly stream: 'trailer' | 'open'
  /** Bytes of the whole body; undefined where that is not known yet. */
  readonly lengthBytes: number | undefined
}

/** How a streamed body ended: as it was meant to, or because its sender broke off. */
export type Ending = 'complete' | 'partial'

/** A streamed body whose head verified, with what its end is verified by. */
export interface HeadStream extends StreamedBody {
  /** Serialised member `wimse` of the head's `Signature`. */
  readonly signature: string
  /** Key of the head's WIT. */
  readonly key: KeyObject
}

/** Seals the end of a streamed body, with the key of its head. */
export interface BodySealer {
  /** Counts and digests the next piece. */
  readonly add: (piece: Uint8Array) => void
  /** The trailers to send. Throws a PopError `internal` for a complete body that has not the length that its head says. */
  readonly end: (ending: Ending, moment: SealMoment) => FlatFields
}

/** Verifies a streamed body as it arrives. Whoever reads it MUST commit nothing before `end` gave `complete`. */
export interface BodyVerifier {
  /** Counts and digests the next piece. Refuses with `seal-body` at the byte that is one too many. */
  readonly add: (piece: Uint8Array) => Refusal | undefined
  /** Verifies the trailers after the last piece. Refuses with `seal-body`, `seal-expired` or `seal-invalid`. */
  readonly end: (rawTrailers: FlatFields, nowMs: number) => Verdict<Ending>
}

/** What an answer is bound to. */
export interface RequestBinding {
  readonly method: string
  readonly target: string
  /** Nonce of the request's seal; undefined where it could not be read, and then the answer counts as a failure. */
  readonly nonce: string | undefined
}
