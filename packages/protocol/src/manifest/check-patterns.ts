import type { ManifestDocument } from './manifest.ts'
import { patternFault } from './pattern.ts'
import { isRecord } from './reference.ts'

/**
 * Names every `pattern` and every key of `patternProperties` in a document that could cost a validator too much time, each with
 * its place; how long their texts get is the `maxLength` beside it, or that of `propertyNames`. It looks at every object, also at
 * one that is only an example: a reference can make a schema of any place.
 */
export function checkPatterns(document: ManifestDocument, faults: string[]): void {
  visit(document, '#', faults)
}

function visit(value: unknown, place: string, faults: string[]): void {
  if (Array.isArray(value)) {
    for (const [index, item] of value.entries()) visit(item, `${place}/${index}`, faults)
    return
  }
  if (!isRecord(value)) return
  const { pattern, patternProperties, propertyNames } = value
  if (typeof pattern === 'string') check(pattern, value, `${place}/pattern`, faults)
  if (isRecord(patternProperties)) {
    for (const key of Object.keys(patternProperties)) check(key, propertyNames, `${place}/patternProperties`, faults)
  }
  for (const [name, member] of Object.entries(value)) visit(member, `${place}/${escaped(name)}`, faults)
}

/** `bound` is the schema whose `maxLength` is looked at before the pattern is tried. */
function check(pattern: string, bound: unknown, place: string, faults: string[]): void {
  const charactersMax = isRecord(bound) ? bound['maxLength'] : undefined
  // What is no number is no limit; a schema with such a maxLength does not compile anyway.
  const fault = patternFault(pattern, typeof charactersMax === 'number' ? charactersMax : Infinity)
  if (fault !== undefined) faults.push(`${place}: the pattern ${JSON.stringify(pattern.slice(0, 80))} ${fault}`)
}

/** A name as a part of a JSON pointer (RFC 6901 section 3). */
function escaped(name: string): string {
  return name.replaceAll('~', '~0').replaceAll('/', '~1')
}
