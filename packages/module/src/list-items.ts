import { isJsonObject, PopError, type JsonObject, type Operation } from '@pop-api/protocol'
import type { BookPage } from './book/book.ts'
import { formatCursor } from './book/cursor.ts'
import { answerBytesMax } from './outcome.ts'

/** What a handler answered a list with, once every item was found among the resources of the page. */
interface Listed {
  readonly body: JsonObject
  readonly items: readonly unknown[]
  /** Of each item, the place of its resource in the page. */
  readonly places: readonly number[]
}

/**
 * The body of a list: what the handler answered, with `next_page_token` where there is more. A page that an answer cannot hold ends
 * before the first item that does not fit, for one large item must not take the whole list from everybody; the handler has changed
 * nothing. Throws `internal` for an item that is not among the resources of the page: a forgetful author fails, and leaks nothing.
 */
export function listBody(operation: Operation, answered: unknown, page: BookPage): JsonObject {
  const listed = admittedItems(operation, answered, page)
  const whole = withToken(listed.body, page.next)
  if (bytesOf(whole) <= answerBytesMax) return whole
  // Where a page was cut can be told by an id alone only if the items have the order of the ids. An answer that stays too large
  // is refused where every answer is.
  const ordered = listed.places.every((place, index) => index === 0 || place > (listed.places[index - 1] ?? place))
  const shorter = ordered ? shortened(operation, listed, page) : undefined
  return shorter ?? whole
}

function admittedItems({ resource }: Operation, body: unknown, page: BookPage): Listed {
  const items = readPointer(body, resource?.items ?? '')
  const placeOf = new Map<unknown, number>(page.resources.map(({ id }, place) => [id, place]))
  if (isJsonObject(body) && Array.isArray(items)) {
    const places = items.map((item) => placeOf.get(readPointer(item, resource?.key ?? '')) ?? -1)
    if (!places.includes(-1)) return { body, items, places }
  }
  throw new PopError('internal', 'The module answered a list with an item that was not admitted.')
}

/** The page up to the last item that fits; undefined when not even the first one does. */
function shortened({ resource }: Operation, { body, items, places }: Listed, page: BookPage): JsonObject | undefined {
  const parts = partsOf(resource?.items ?? '')
  const upTo = (count: number): JsonObject =>
    withToken(replaceAt(body, parts, items.slice(0, count)), page.resources[places[count - 1] ?? 0]?.id)
  let bytes = bytesOf(upTo(0))
  let count = 0
  while (count < items.length) {
    bytes += bytesOf(items[count]) + 1
    if (bytes > answerBytesMax) break
    count++
  }
  // The tokens differ in length, so what was counted may be a little more than fits.
  while (count > 0 && bytesOf(upTo(count)) > answerBytesMax) count--
  return count === 0 ? undefined : upTo(count)
}

function withToken(body: JsonObject, next: string | undefined): JsonObject {
  return next === undefined ? body : { ...body, next_page_token: formatCursor(next) }
}

function bytesOf(value: unknown): number {
  return Buffer.byteLength(JSON.stringify(value))
}

function partsOf(pointer: string): readonly string[] {
  return pointer
    .split('/')
    .slice(1)
    .map((part) => part.replaceAll('~1', '/').replaceAll('~0', '~'))
}

/** RFC 6901, without the index forms of arrays. */
function readPointer(value: unknown, pointer: string): unknown {
  let present = value
  for (const name of partsOf(pointer)) {
    present = isJsonObject(present) && Object.hasOwn(present, name) ? present[name] : undefined
  }
  return present
}

/** A copy of an object with another value at a place that is in it. */
function replaceAt(body: JsonObject, [name = '', ...rest]: readonly string[], value: unknown): JsonObject {
  const inner = body[name]
  return { ...body, [name]: rest.length > 0 && isJsonObject(inner) ? replaceAt(inner, rest, value) : value }
}
