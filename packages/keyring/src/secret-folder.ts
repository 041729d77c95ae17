import { lstat, mkdir } from 'node:fs/promises'
import { KeyringError } from './keyring-error.ts'

const othersBits = 0o077

/**
 * Makes a folder, with its missing parents, that its owner alone can enter (0700). Throws `secret-exposed` for one that exists
 * and that group or others can enter, that belongs to somebody else, or that is a link.
 */
export async function ensureSecretFolder(path: string): Promise<void> {
  await mkdir(path, { recursive: true, mode: 0o700 })
  const found = await lstat(path)
  if (!found.isDirectory()) throw new KeyringError('secret-exposed', `${path} must be a folder, not a link or a file.`)
  refuseExposed(path, found, '700')
}

/** Throws `secret-exposed` unless only this process's user may use what stands at `path`. */
export function refuseExposed(
  path: string,
  found: { readonly mode: number; readonly uid: number },
  wanted: string,
): void {
  if ((found.mode & othersBits) !== 0) {
    const mode = (found.mode & 0o777).toString(8)
    throw new KeyringError(
      'secret-exposed',
      `${path} has mode ${mode}: others could use it. Run: chmod ${wanted} ${path}`,
    )
  }
  const uid = process.getuid?.()
  if (uid !== undefined && found.uid !== uid) {
    throw new KeyringError('secret-exposed', `${path} belongs to user ${found.uid}, this process runs as user ${uid}.`)
  }
}
