export function isRecord(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

/** Follows a local `$ref` (`#/components/…`) at this place, at most eight deep; anything else is given back as it is. */
export function resolveReference(document: Readonly<Record<string, unknown>>, value: unknown): unknown {
  let present = value
  for (let depth = 0; depth < 8; depth++) {
    if (!isRecord(present) || typeof present['$ref'] !== 'string') return present
    present = readPointer(document, present['$ref'])
  }
  return undefined
}

/** What a local reference leads to; undefined where it leads nowhere. */
export function readPointer(document: unknown, reference: string): unknown {
  if (!reference.startsWith('#/')) return undefined
  let present = document
  for (const part of reference.slice(2).split('/')) {
    const name = part.replaceAll('~1', '/').replaceAll('~0', '~')
    present = isRecord(present) && Object.hasOwn(present, name) ? present[name] : undefined
  }
  return present
}
