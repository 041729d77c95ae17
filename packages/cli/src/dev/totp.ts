import { createHmac } from 'node:crypto'

const stepSeconds = 30
const base32Alphabet = 'ABCDEFGHIJKLMNOPQRSTUVWXYZ234567'

/** A code and the whole seconds that are left of its time step. */
export interface TotpCode {
  readonly code: string
  readonly secondsLeft: number
}

/**
 * The code of RFC 6238 at `timeMs` (milliseconds since 1970): SHA-1, six digits, 30 s. `secret` is base32 in capitals without
 * padding; throws a RangeError for another text.
 */
export function totpCode(secret: string, timeMs: number): TotpCode {
  const seconds = Math.floor(timeMs / 1000)
  const counter = Buffer.alloc(8)
  counter.writeBigUInt64BE(BigInt(Math.floor(seconds / stepSeconds)))
  const mac = createHmac('sha1', decodeBase32(secret)).update(counter).digest()
  // RFC 4226 section 5.3: the last four bits say where the 31 bits of the code begin.
  const offset = mac.readUInt8(mac.length - 1) & 15
  const code = String((mac.readUInt32BE(offset) & 0x7fffffff) % 1_000_000).padStart(6, '0')
  return { code, secondsLeft: stepSeconds - (seconds % stepSeconds) }
}

/** RFC 4648 section 6. Bits that fill no byte are dropped. */
function decodeBase32(text: string): Buffer {
  const values = Array.from(text, (character) => base32Alphabet.indexOf(character))
  if (text === '' || values.includes(-1)) throw new RangeError('A TOTP secret is base32 in capitals.')
  const bits = values.map((value) => value.toString(2).padStart(5, '0')).join('')
  return Buffer.from(bits.match(/[01]{8}/g)?.map((byte) => Number.parseInt(byte, 2)) ?? [])
}
