import { hash } from 'node:crypto'
import { bytesOfValue, parseDictionary } from '../encoding/dictionary.ts'

/** The value of `Content-Digest` for a body (RFC 9530): `sha-256=:…:`, the only form that the seal takes. */
export function contentDigest(body: Uint8Array): string {
  return `sha-256=:${hash('sha256', body, 'base64')}:`
}

const hashes: ReadonlyMap<string, string> = new Map([
  ['sha-256', 'sha256'],
  ['sha-512', 'sha512'],
])

/**
 * True if the value names at least one of sha-256 and sha-512 and every digest of these two is the body's (RFC 9530, section 2);
 * other algorithms are passed over. The seal is stricter: it compares with `contentDigest`. Untrusted input.
 */
export function matchesContentDigest(value: string, body: Uint8Array): boolean {
  let known = 0
  for (const [name, [digest]] of parseDictionary(value) ?? []) {
    const algorithm = hashes.get(name)
    if (algorithm === undefined) continue
    const bytes = bytesOfValue(digest)
    if (bytes === undefined || !hash(algorithm, body, 'buffer').equals(bytes)) return false
    known++
  }
  return known > 0
}
