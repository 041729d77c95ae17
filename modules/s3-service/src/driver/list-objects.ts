import type { DatabaseSync } from 'node:sqlite'
import { bookedObject } from './booked-object.ts'
import type { Listing, ListPlace, ListWanted, ObjectInfo } from './object-driver.ts'

/** One page of the keys of a bucket in the order of their UTF-8, which is that of SQLite; keys behind a delimiter are one entry. */
export function listObjects(database: DatabaseSync, bucketId: number, wanted: ListWanted): Listing {
  const { prefix, delimiter, limit } = wanted
  const objects: ObjectInfo[] = []
  const prefixes: string[] = []
  const end = successor(prefix)
  const atLeast = database.prepare('select * from object where bucket_id = ? and key >= ? order by key limit 1')
  let place = wanted.after
  let row = atLeast.get(bucketId, startOf(place, prefix))
  if (place?.kind === 'key' && row?.['key'] === place.text) row = nextRow(place)
  while (row !== undefined) {
    const object = bookedObject(row)
    const { key } = object
    if (end !== undefined && Buffer.compare(Buffer.from(key), Buffer.from(end)) >= 0) break
    if (objects.length + prefixes.length === limit) return { objects, prefixes, next: place }
    const cut = delimiter === '' ? -1 : key.indexOf(delimiter, prefix.length)
    if (cut < 0) {
      objects.push(object)
      place = { kind: 'key', text: key }
    } else {
      const common = key.slice(0, cut + delimiter.length)
      prefixes.push(common)
      place = { kind: 'prefix', text: common }
    }
    row = nextRow(place)
  }
  return { objects, prefixes, next: undefined }

  function nextRow({ kind, text }: ListPlace) {
    if (kind === 'key')
      return database
        .prepare('select * from object where bucket_id = ? and key > ? order by key limit 1')
        .get(bucketId, text)
    const behind = successor(text)
    return behind === undefined ? undefined : atLeast.get(bucketId, behind)
  }
}

function startOf(place: ListPlace | undefined, prefix: string): string {
  if (place === undefined) return prefix
  const start = place.kind === 'key' ? place.text : (successor(place.text) ?? place.text)
  // A place that somebody made up must not lead out of the prefix.
  return Buffer.compare(Buffer.from(start), Buffer.from(prefix)) < 0 ? prefix : start
}

/** The least text that is greater than every text with this prefix; undefined where there is none. */
function successor(prefix: string): string | undefined {
  const points = Array.from(prefix, (character) => character.codePointAt(0) ?? 0)
  for (let last = points.pop(); last !== undefined; last = points.pop()) {
    // Behind the last of the first block come no halves of pairs: they are no characters.
    const next = last === 0xd7ff ? 0xe000 : last + 1
    if (next <= 0x10ffff) return String.fromCodePoint(...points, next)
  }
  return undefined
}
