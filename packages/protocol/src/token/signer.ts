import type { KeyObject } from 'node:crypto'

/** An ES256 private key (P-256) and the id under which others find its public half. */
export interface TokenSigner {
  readonly kid: string
  readonly privateKey: KeyObject
}
