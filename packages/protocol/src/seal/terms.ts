import type { KeyObject } from 'node:crypto'
import type { Verdict } from '../verdict.ts'

/** Header fields or trailers as Node has them: name, value, name, value. */
export type FlatFields = readonly string[]

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

/** What an answer is bound to. */
export interface RequestBinding {
  readonly method: string
  readonly target: string
  /** Nonce of the request's seal; undefined where it could not be read, and then the answer counts as a failure. */
  readonly nonce: string | undefined
}
