import { fixedKey, ids, boot, nowMs, trustSection, txnClaims } from '../packages/protocol/src/seal/fixed-world.ts'
import { signatureBase } from '../packages/protocol/src/signature/base.ts'
import { parseSignatureFields } from '../packages/protocol/src/signature/fields.ts'
import type { SignedMessage } from '../packages/protocol/src/signature/message.ts'

// What the files of messages share: whom their receivers trust, what they expect, and the keys, which are for tests alone.

export const source = 'POP API, vectors/ (Apache-2.0)'

/** What the receivers of the messages know; a case overrides what stands here. */
export const expected = {
  now_ms: nowMs,
  trust: trustSection,
  audience: ids.kafka,
  boot,
  peer: ids.gateway,
  module: txnClaims.tctx.module,
  operation: txnClaims.tctx.operation,
  instance: ids.kafka,
}

/** The private keys by their labels. */
export const keys = Object.fromEntries(
  ['wit issuer', 'txn gateway-1', `message ${ids.gateway}`, `message ${ids.kafka}`, `message ${ids.s3}`].map((label) => [
    label,
    fixedKey(label).export({ format: 'jwk' }),
  ]),
)

/** The signature base of a sealed head. Throws an Error for one that is none: a fault of the program that made it. */
export function baseOf(message: SignedMessage): string {
  const parsed = parseSignatureFields(
    message.fields.get('signature-input') ?? '',
    message.fields.get('signature') ?? '',
  )
  const signature = parsed.ok ? parsed.value.get('wimse') : undefined
  const base = signature && signatureBase(signature.components, signature.text, message)
  if (base === undefined) throw new Error('The sealed message has no signature base.')
  return base
}
