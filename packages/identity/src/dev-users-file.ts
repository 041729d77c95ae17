import { createSecretFile, KeyringError, readSecretFile } from '@pop-api/keyring'
import { makeDevUsers, parseDevUsers, type DevUsers } from './dev-users.ts'

const fileBytesMax = 256 * 1024

/**
 * Reads a `dev-users.json`. Throws a KeyringError that names the file: `secret-missing`, `secret-exposed` (others can read it)
 * or `secret-unreadable` (not in its shape).
 */
export async function readDevUsers(path: string): Promise<DevUsers> {
  const content = await readSecretFile(path, fileBytesMax)
  if (content === undefined) throw new KeyringError('secret-missing', `There is no ${path}.`)
  const users = parseDevUsers(content.toString('utf8'))
  if (users !== undefined) return users
  throw new KeyringError(
    'secret-unreadable',
    `${path} is not a list of users and clients. Remove it to make a new one.`,
  )
}

/**
 * The users of the file at `path`, which is made (0600, whole or not at all) when there is none and never overwritten. Throws as
 * `readDevUsers()`.
 */
export async function ensureDevUsers(path: string): Promise<DevUsers> {
  if ((await readSecretFile(path, fileBytesMax)) === undefined) {
    await createSecretFile(path, `${JSON.stringify(makeDevUsers(), undefined, 2)}\n`)
  }
  return readDevUsers(path)
}
