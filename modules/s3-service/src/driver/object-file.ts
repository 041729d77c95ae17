import { encodeContext } from '@pop-api/keyring'
import { PopError } from '@pop-api/module'

/** Plaintext bytes of every chunk but the last, which may have fewer. */
export const chunkBytes = 64 * 1024
/** The tag of AES-GCM behind each chunk. */
export const tagBytes = 16

/** How the file of an object begins. Chunks follow: ciphertext and tag of each, without a gap. */
export interface ObjectHeader {
  /** Of the attempt that wrote it: no two have the same. */
  readonly version: number
  /** 16 bytes in hex. */
  readonly dataKeyId: string
  readonly wrapped: { readonly keyId: string; readonly bytes: Uint8Array }
}

/** What a ciphertext belongs to; everything in it is authenticated with each chunk. */
export interface ObjectName {
  readonly bucket: string
  readonly key: string
}

const magic = Buffer.from('POPOBJ')
const formatVersion = 1
const fixedBytes = magic.length + 2 + 8 + 16 + 1
export const headerBytesMax = fixedBytes + 255 + 2 + 4096

/** `POPOBJ`, format (u16), version (u64), data key id (16), key id with its length (u8), wrapped key with its length (u16). */
export function encodeHeader({ version, dataKeyId, wrapped }: ObjectHeader): Buffer {
  const keyId = Buffer.from(wrapped.keyId, 'latin1')
  const fixed = Buffer.alloc(fixedBytes)
  magic.copy(fixed)
  fixed.writeUInt16BE(formatVersion, 6)
  fixed.writeBigUInt64BE(BigInt(version), 8)
  Buffer.from(dataKeyId, 'hex').copy(fixed, 16)
  fixed.writeUInt8(keyId.length, 32)
  const length = Buffer.alloc(2)
  length.writeUInt16BE(wrapped.bytes.length)
  return Buffer.concat([fixed, keyId, length, wrapped.bytes])
}

/** Reads a header and how many bytes it has. Throws `object-damaged` for anything that `encodeHeader` does not write. */
export function decodeHeader(bytes: Buffer): { readonly header: ObjectHeader; readonly length: number } {
  if (bytes.length < fixedBytes || !bytes.subarray(0, 6).equals(magic) || bytes.readUInt16BE(6) !== formatVersion)
    throw damaged('its header is none')
  const version = bytes.readBigUInt64BE(8)
  const keyEnd = fixedBytes + bytes.readUInt8(32)
  if (version > BigInt(Number.MAX_SAFE_INTEGER) || bytes.length < keyEnd + 2) throw damaged('its header is cut')
  const length = keyEnd + 2 + bytes.readUInt16BE(keyEnd)
  if (bytes.length < length) throw damaged('its header is cut')
  const header = {
    version: Number(version),
    dataKeyId: bytes.toString('hex', 16, 32),
    wrapped: { keyId: bytes.toString('latin1', fixedBytes, keyEnd), bytes: bytes.subarray(keyEnd + 2, length) },
  }
  return { header, length }
}

/** How many bytes the chunks of so many bytes of plaintext have; an empty object has one empty chunk. */
export function sealedBytes(bytes: number): number {
  return bytes + Math.max(1, Math.ceil(bytes / chunkBytes)) * tagBytes
}

/** security.md, encryption context: of the wrapped data key. */
export function wrapContext({ bucket, key }: ObjectName, version: number, dataKeyId: string): Buffer {
  return encodeContext(['pop-object-key-1', 's3_service', bucket, key, String(version), dataKeyId, 'part 0'])
}

/** Of each chunk; its index and whether it is the last one follow in `chunkContext`. */
export function dataContext({ bucket, key }: ObjectName, version: number, dataKeyId: string): Buffer {
  return encodeContext(['pop-object-data-1', 's3_service', bucket, key, String(version), dataKeyId, 'part 0'])
}

/** A nonce from the chunk's index: a data key is used for one attempt alone, so that it never comes again. */
export function chunkNonce(index: number): Buffer {
  const nonce = Buffer.alloc(12)
  nonce.writeUInt32BE(index, 8)
  return nonce
}

/** Reordered, cut and prolonged chunks have another index or are not the last one. */
export function chunkContext(context: Buffer, index: number, last: boolean): Buffer {
  const place = Buffer.alloc(5)
  place.writeUInt32BE(index)
  place.writeUInt8(last ? 1 : 0, 4)
  return Buffer.concat([context, place])
}

/** What was found at rest is not what was written. */
export function damaged(why: string, cause?: unknown): PopError {
  return new PopError('object-damaged', `The stored object does not verify: ${why}.`, { cause })
}
