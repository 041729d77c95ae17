/**
 * Decodes base64url as RFC 7515 section 2 writes it: the alphabet alone, no padding, no white space, and the one spelling whose
 * unused trailing bits are zero. Undefined for everything else, so that a value never has two texts. Untrusted input.
 */
export function decodeBase64url(text: string): Buffer | undefined {
  const bytes = Buffer.from(text, 'base64url')
  // Node skips what it does not know; only the canonical text survives the way back.
  return bytes.toString('base64url') === text ? bytes : undefined
}

/** The same for padded base64 (RFC 4648 section 4), as byte sequences of structured fields are written. Untrusted input. */
export function decodeBase64(text: string): Buffer | undefined {
  const bytes = Buffer.from(text, 'base64')
  return bytes.toString('base64') === text ? bytes : undefined
}
