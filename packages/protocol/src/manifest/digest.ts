import { hash } from 'node:crypto'
import type { ManifestDocument } from './manifest.ts'
import { isRecord } from './reference.ts'

/** `sha-256:<base64url>` over the document with its members sorted, so that two spellings of one manifest are one manifest. */
export function manifestDigest(document: ManifestDocument): string {
  return `sha-256:${hash('sha256', JSON.stringify(sorted(document)), 'base64url')}`
}

function sorted(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(sorted)
  if (!isRecord(value)) return value
  return Object.fromEntries(
    Object.keys(value)
      .sort()
      .map((key) => [key, sorted(value[key])]),
  )
}
