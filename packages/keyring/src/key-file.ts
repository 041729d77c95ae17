import { createPrivateKey, generateKeyPair, type KeyObject } from 'node:crypto'
import { promisify } from 'node:util'
import { KeyringError } from './keyring-error.ts'
import { createSecretFile, readSecretFile } from './secret-file.ts'

/** P-256 for everything of the mesh, RSA 2048 where a provider's tokens are RS256. */
export type KeyKind = 'ec-p256' | 'rsa-2048'

const generate = promisify(generateKeyPair)
const keyBytesMax = 16 * 1024

/**
 * The private key kept at `path` (PKCS#8 PEM, 0600, in a 0700 folder), made when there is none; of two processes that make it
 * at once both get the same. The content is not encrypted. Throws `secret-exposed`, `secret-unreadable`, or `key-unusable` for
 * a file that does not hold one key of this kind.
 */
export async function keyFile(path: string, kind: KeyKind): Promise<KeyObject> {
  const present = await readSecretFile(path, keyBytesMax)
  if (present !== undefined) return parseKey(path, present, kind)
  const made = await generateKey(kind)
  const created = await createSecretFile(path, made.export({ type: 'pkcs8', format: 'pem' }))
  if (created) return made
  const other = await readSecretFile(path, keyBytesMax)
  if (other === undefined) throw new KeyringError('secret-missing', `${path} vanished while it was being made.`)
  return parseKey(path, other, kind)
}

async function generateKey(kind: KeyKind): Promise<KeyObject> {
  const pair =
    kind === 'ec-p256' ? await generate('ec', { namedCurve: 'P-256' }) : await generate('rsa', { modulusLength: 2048 })
  return pair.privateKey
}

function parseKey(path: string, pem: Buffer, kind: KeyKind): KeyObject {
  const key = importKey(path, pem)
  const { namedCurve, modulusLength } = key.asymmetricKeyDetails ?? {}
  const fits =
    kind === 'ec-p256' ? namedCurve === 'prime256v1' : key.asymmetricKeyType === 'rsa' && modulusLength === 2048
  if (!fits) throw new KeyringError('key-unusable', `${path} does not hold a private key of kind ${kind}.`)
  return key
}

function importKey(path: string, pem: Buffer): KeyObject {
  try {
    return createPrivateKey({ key: pem, format: 'pem' })
  } catch (cause) {
    throw new KeyringError('key-unusable', `${path} does not hold a private key in PEM.`, { cause })
  }
}
