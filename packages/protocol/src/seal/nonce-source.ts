/** Makes nonces that are never used twice: a prefix of at least 16 random bytes, made anew at each start, and a counter. */
export function createNonceSource(prefix: Uint8Array): () => string {
  if (prefix.length < 16) throw new RangeError('The prefix of a nonce has at least 16 random bytes.')
  const text = Buffer.from(prefix).toString('base64url')
  let count = 0
  return () => `${text}-${(count++).toString(36)}`
}
