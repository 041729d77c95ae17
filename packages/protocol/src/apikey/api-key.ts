import { hash } from 'node:crypto'
import { crc32 } from 'node:zlib'
import { encodeBase62 } from '../encoding/base62.ts'

/** The parts of an API key that are no secret (wire.md, API keys). */
export interface ApiKey {
  readonly environment: string
  /** 16 characters of base62; names the key in logs and lists. */
  readonly id: string
}

/** Parts of a new key: the id is 16 characters of base62, the secret exactly 32 random bytes. */
export interface ApiKeyParts extends ApiKey {
  readonly secret: Uint8Array
}

const keyShape = /^pop_([a-z0-9]{1,32})_([0-9A-Za-z]{16})_[0-9A-Za-z]{43}_([0-9A-Za-z]{6})$/
const environmentShape = /^[a-z0-9]{1,32}$/
const idShape = /^[0-9A-Za-z]{16}$/

/** Makes `pop_<environment>_<id>_<secret>_<checksum>`. Throws a RangeError for parts that do not have the shape. */
export function mintApiKey({ environment, id, secret }: ApiKeyParts): string {
  if (!environmentShape.test(environment))
    throw new RangeError('The environment of an API key is 1 to 32 of a-z and 0-9.')
  if (!idShape.test(id)) throw new RangeError('The id of an API key is 16 characters of base62.')
  if (secret.length !== 32) throw new RangeError('The secret of an API key is 32 bytes.')
  const body = `pop_${environment}_${id}_${encodeBase62(secret, 43)}`
  return `${body}_${checksum(body)}`
}

/**
 * Reads a key of this environment. Undefined for a wrong shape, a wrong checksum (a typing error, found without a look-up) or
 * the key of another environment. It says nothing on whether the key is known: look its `hashApiKey` up. Untrusted input.
 */
export function parseApiKey(text: string, environment: string): ApiKey | undefined {
  const [, ofEnvironment, id, sum] = keyShape.exec(text) ?? []
  if (id === undefined || ofEnvironment !== environment) return undefined
  return sum === checksum(text.slice(0, text.lastIndexOf('_'))) ? { environment, id } : undefined
}

/** SHA-256 of the whole key in hex: the only form in which a key is stored or travels in a bulletin. */
export function hashApiKey(text: string): string {
  return hash('sha256', text, 'hex')
}

/** CRC-32 of all before the last underscore, as six digits of base62. */
function checksum(body: string): string {
  const bytes = Buffer.alloc(4)
  bytes.writeUInt32BE(crc32(body))
  return encodeBase62(bytes, 6)
}
