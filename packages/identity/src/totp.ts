import { createHmac, timingSafeEqual } from 'node:crypto'

const stepSeconds = 30
const digits = 6
const base32Alphabet = 'ABCDEFGHIJKLMNOPQRSTUVWXYZ234567'
const secretBytesMin = 16

/** Base32 (RFC 4648 section 6) in capitals, without padding. */
export function encodeBase32(bytes: Uint8Array): string {
  let text = ''
  let held = 0
  let heldBits = 0
  for (const byte of bytes) {
    held = ((held << 8) | byte) & 0xfff
    heldBits += 8
    while (heldBits >= 5) {
      heldBits -= 5
      text += base32Alphabet.charAt((held >> heldBits) & 31)
    }
  }
  return heldBits === 0 ? text : text + base32Alphabet.charAt((held << (5 - heldBits)) & 31)
}

/** The bytes of exactly what `encodeBase32()` gives; undefined for lower case, padding, spaces and left-over bits. */
export function decodeBase32(text: string): Buffer | undefined {
  const bytes: number[] = []
  let held = 0
  let heldBits = 0
  for (const character of text) {
    const value = base32Alphabet.indexOf(character)
    if (value === -1) return undefined
    held = ((held << 5) | value) & 0xfff
    heldBits += 5
    if (heldBits >= 8) {
      heldBits -= 8
      bytes.push((held >> heldBits) & 0xff)
    }
  }
  const decoded = Buffer.from(bytes)
  return encodeBase32(decoded) === text ? decoded : undefined
}

/** The time step of RFC 6238 section 4.2 that `timeMs` (milliseconds since the epoch) falls into. */
export function totpStep(timeMs: number): number {
  return Math.floor(timeMs / 1000 / stepSeconds)
}

/**
 * The six digits of RFC 6238 (SHA-1, 30 s) at `timeMs` (milliseconds since the epoch). `secret` is base32 of at least 128 bits;
 * throws a RangeError for another.
 */
export function totpCode(secret: string, timeMs: number): string {
  return codeOfStep(secretBytes(secret), totpStep(timeMs))
}

/**
 * The first time step after `lastStep` within one step of `timeMs` to which `code` belongs; undefined when there is none. That
 * a step is used once is the caller's part: it keeps the answer as the next `lastStep`. The work is the same for every code.
 */
export function verifyTotp(secret: string, code: string, timeMs: number, lastStep = -1): number | undefined {
  const key = secretBytes(secret)
  const given = Buffer.alloc(digits)
  const fits = Buffer.byteLength(code) === digits && given.write(code, 'latin1') === digits
  const current = totpStep(timeMs)
  let found: number | undefined
  for (const step of [current - 1, current, current + 1]) {
    const same = step >= 0 && timingSafeEqual(given, Buffer.from(codeOfStep(key, Math.max(step, 0)), 'latin1'))
    if (same && fits && step > lastStep) found ??= step
  }
  return found
}

function secretBytes(secret: string): Buffer {
  const bytes = decodeBase32(secret)
  if (bytes === undefined || bytes.length < secretBytesMin) throw new RangeError('A TOTP secret is base32 of 128 bits.')
  return bytes
}

function codeOfStep(key: Buffer, step: number): string {
  const counter = Buffer.alloc(8)
  counter.writeBigUInt64BE(BigInt(step))
  // RFC 6238 section 1.2 takes the HMAC of RFC 4226 with SHA-1; what authenticators support.
  const mac = createHmac('sha1', key).update(counter).digest()
  const offset = mac.readUInt8(mac.length - 1) & 15
  return String((mac.readUInt32BE(offset) & 0x7fffffff) % 10 ** digits).padStart(digits, '0')
}
