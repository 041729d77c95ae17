/** Classes of the 128 ASCII characters in a request target (RFC 3986, section 3.3 and 3.4). */
export const unreserved = classOf(/[A-Za-z0-9\-._~]/)
/** pchar without `%` and without `;`, which some readers take for the start of path parameters. */
export const pathCharacter = classOf(/[A-Za-z0-9\-._~!$&'()*+,=:@]/)
/** pchar without `%`, and `/` and `?`. */
export const queryCharacter = classOf(/[A-Za-z0-9\-._~!$&'()*+,;=:@/?]/)

function classOf(shape: RegExp): Uint8Array {
  return Uint8Array.from({ length: 128 }, (_, code) => (shape.test(String.fromCharCode(code)) ? 1 : 0))
}

const strictUtf8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true })
const hexDigits = '0123456789ABCDEF'

/**
 * Decodes percent-encoding once. Undefined for a broken escape or for bytes that are not strict UTF-8 (overlong forms and
 * surrogates included). The caller has checked the characters outside the escapes.
 */
export function decodePercent(text: string): string | undefined {
  if (!text.includes('%')) return text
  const bytes = new Uint8Array(text.length)
  let length = 0
  for (let index = 0; index < text.length; index++) {
    let byte = text.charCodeAt(index)
    if (byte === 0x25) {
      const high = hexValue(text.charCodeAt(index + 1))
      const low = hexValue(text.charCodeAt(index + 2))
      if (high < 0 || low < 0) return undefined
      byte = high * 16 + low
      index += 2
    }
    bytes[length++] = byte
  }
  try {
    return strictUtf8.decode(bytes.subarray(0, length))
  } catch {
    // TextDecoder has no other way to say that the bytes are not UTF-8; the answer is the undefined of the contract.
    return undefined
  }
}

/** Unreserved characters bare, every other byte of the UTF-8 form `%XX` in capitals: the one spelling of the promise. */
export function encodePercent(text: string): string {
  let plain = true
  for (let index = 0; index < text.length; index++) if (unreserved[text.charCodeAt(index)] !== 1) plain = false
  if (plain) return text
  let encoded = ''
  for (const byte of Buffer.from(text, 'utf8')) {
    encoded +=
      unreserved[byte] === 1
        ? String.fromCharCode(byte)
        : `%${hexDigits.charAt(byte >> 4)}${hexDigits.charAt(byte & 15)}`
  }
  return encoded
}

function hexValue(code: number): number {
  if (code >= 0x30 && code <= 0x39) return code - 0x30
  const lower = code | 0x20
  return lower >= 0x61 && lower <= 0x66 ? lower - 0x57 : -1
}

/** C0, DEL and C1, and the characters that reorder or hide text where a log is read. */
export function hasControl(text: string): boolean {
  return /[\u0000-\u001f\u007f-\u009f\u2028\u2029\u202a-\u202e\u2066-\u2069\ufeff]/.test(text)
}
