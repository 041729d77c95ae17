const digits = '0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz'

/**
 * Writes bytes, read as one big-endian number, in base62 (`0-9A-Za-z`), padded with zeros to exactly `length` digits. Throws a
 * RangeError when the number needs more.
 */
export function encodeBase62(bytes: Uint8Array, length: number): string {
  let rest = 0n
  for (const byte of bytes) rest = (rest << 8n) | BigInt(byte)
  let text = ''
  for (; rest > 0n; rest /= 62n) text = digits.charAt(Number(rest % 62n)) + text
  if (text.length > length) throw new RangeError(`${bytes.length} bytes do not fit into ${length} digits of base62.`)
  return text.padStart(length, '0')
}
