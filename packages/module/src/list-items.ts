import { isJsonObject, PopError, type JsonObject, type Operation } from '@pop-api/protocol'
import type { Resource } from './book/resource.ts'

/**
 * The body of a list, once every item in it was found among the resources of the page. Throws `internal` for any other: a
 * forgetful author fails, and leaks nothing.
 */
export function admittedItems({ resource }: Operation, body: unknown, page: readonly Resource[]): JsonObject {
  const items = readPointer(body, resource?.items ?? '')
  const admitted = new Set(page.map(({ id }) => id))
  const isAdmitted = (item: unknown): boolean => {
    const id = readPointer(item, resource?.key ?? '')
    return typeof id === 'string' && admitted.has(id)
  }
  if (!isJsonObject(body) || !Array.isArray(items) || !items.every(isAdmitted))
    throw new PopError('internal', 'The module answered a list with an item that was not admitted.')
  return body
}

/** RFC 6901, without the index forms of arrays. */
function readPointer(value: unknown, pointer: string): unknown {
  let present = value
  for (const part of pointer.split('/').slice(1)) {
    const name = part.replaceAll('~1', '/').replaceAll('~0', '~')
    present = isJsonObject(present) && Object.hasOwn(present, name) ? present[name] : undefined
  }
  return present
}
