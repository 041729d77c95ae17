import { createCipheriv, createDecipheriv, randomBytes } from 'node:crypto'
import { encodeContext } from './context.ts'
import { KeyringError } from './keyring-error.ts'
import { createSecretFile, readSecretFile } from './secret-file.ts'

/** A data key under a key that never leaves its keeper. */
export interface WrappedKey {
  /** Of the key that wrapped it: with it alone it can be unwrapped. */
  readonly keyId: string
  readonly bytes: Uint8Array
}

/**
 * Keeps a key-encryption key and wraps data keys with it (envelope encryption). An implementer MUST bind the context and the id of
 * its key to the result: what was wrapped for one context is never unwrapped for another. Asynchronous, for a keeper may be far.
 */
export interface KeyWrapper {
  /** Wraps a data key of 32 bytes. `context` is `encodeContext` of everything that it is for. */
  readonly wrap: (dataKey: Uint8Array, context: Uint8Array) => Promise<WrappedKey>
  /** Throws `key-unwrap-failed` for another key, another context and changed bytes. */
  readonly unwrap: (wrapped: WrappedKey, context: Uint8Array) => Promise<Buffer>
}

const keyBytes = 32
const nonceBytes = 12
const tagBytes = 16
const fileBytesMax = 1024
const idShape = /^kek-[0-9a-f]{16}$/

/**
 * The wrapper whose key lies in a file (0600): its id and 256 bits as one line of JSON. AES-256-GCM with a random nonce for each data
 * key. A key that is not there is made, unless `whenMissing` is `refuse`: say that where something was wrapped already, for a new
 * key unwraps none of it. Throws a KeyringError: `secret-missing` for that, others for a file that others can read or that is none
 * of ours.
 */
export async function openFileWrapper(path: string, whenMissing: 'make' | 'refuse' = 'make'): Promise<KeyWrapper> {
  const { id, key } = await obtainKey(path, whenMissing)
  const additional = (context: Uint8Array): Buffer => encodeContext(['pop-wrap-1', id, context])
  return {
    wrap: async (dataKey, context) => {
      if (dataKey.length !== keyBytes) throw new KeyringError('key-unusable', `A data key has ${keyBytes} bytes.`)
      const nonce = randomBytes(nonceBytes)
      const cipher = createCipheriv('aes-256-gcm', key, nonce).setAAD(additional(context))
      const sealed = Buffer.concat([nonce, cipher.update(dataKey), cipher.final(), cipher.getAuthTag()])
      return { keyId: id, bytes: sealed }
    },
    unwrap: async ({ keyId, bytes }, context) => {
      if (keyId !== id) throw failed(`it was wrapped with the key ${JSON.stringify(keyId)}, and ${path} holds ${id}`)
      if (bytes.length !== nonceBytes + keyBytes + tagBytes) throw failed(`it has ${bytes.length} bytes`)
      const end = bytes.length - tagBytes
      const decipher = createDecipheriv('aes-256-gcm', key, bytes.subarray(0, nonceBytes), { authTagLength: tagBytes })
      decipher.setAAD(additional(context)).setAuthTag(bytes.subarray(end))
      try {
        return Buffer.concat([decipher.update(bytes.subarray(nonceBytes, end)), decipher.final()])
      } catch (cause) {
        throw failed('it was changed, or belongs to something else', cause)
      }
    },
  }
}

function failed(why: string, cause?: unknown): KeyringError {
  return new KeyringError('key-unwrap-failed', `A data key cannot be unwrapped: ${why}.`, { cause })
}

async function obtainKey(
  path: string,
  whenMissing: 'make' | 'refuse',
): Promise<{ readonly id: string; readonly key: Buffer }> {
  const present = await readSecretFile(path, fileBytesMax)
  // Nothing is written where there is a key: a full disk must not keep anybody from it.
  if (present !== undefined) return parseKey(path, present.toString('utf8'))
  if (whenMissing === 'refuse') {
    const message = `${path} is missing, and what it wrapped is still there: restore it from its backup.`
    throw new KeyringError('secret-missing', message)
  }
  const made = { id: `kek-${randomBytes(8).toString('hex')}`, key: randomBytes(keyBytes).toString('base64url') }
  await createSecretFile(path, `${JSON.stringify(made)}\n`)
  // Of two that make it at once both take the one that came first.
  const kept = await readSecretFile(path, fileBytesMax)
  if (kept === undefined) throw new KeyringError('secret-missing', `${path} vanished while it was being made.`)
  return parseKey(path, kept.toString('utf8'))
}

function parseKey(path: string, text: string): { readonly id: string; readonly key: Buffer } {
  const unusable = new KeyringError('key-unusable', `${path} holds no key of ours: restore it from its backup.`)
  let value: unknown
  try {
    value = JSON.parse(text)
  } catch {
    throw unusable
  }
  if (typeof value !== 'object' || value === null || !('id' in value) || !('key' in value)) throw unusable
  const { id, key } = value
  if (typeof id !== 'string' || !idShape.test(id) || typeof key !== 'string') throw unusable
  const bytes = Buffer.from(key, 'base64url')
  if (bytes.length !== keyBytes || bytes.toString('base64url') !== key) throw unusable
  return { id, key: bytes }
}
