import type { ManifestDocument, Operation } from './manifest.ts'
import { isRecord, readPointer } from './reference.ts'

/** More schemas than one body of an honest operation has, every reference counted as what it leads to. */
const schemasMax = 1000
/** `uniqueItems` compares every two items. */
const uniqueItemsMax = 1000

/**
 * Names every schema of an operation that could cost its validator too much: one that refers to itself, that grows beyond
 * measure where its references are followed (a chain of `allOf` with two references each doubles at every link), or that compares
 * items without a bound.
 */
export function checkCost(document: ManifestDocument, operations: readonly Operation[], faults: string[]): void {
  const sizes = new Map<object, number>()
  for (const { id, parameters, body } of operations) {
    const schemas = [
      ...parameters.map(({ name, schema }) => [`parameter ${name}`, schema] as const),
      ...Object.entries(body?.content ?? {}),
    ]
    for (const [place, schema] of schemas) {
      const fault = (text: string): void => void faults.push(`${id}: ${place}: ${text}`)
      const size = sizeOf(schema, { document, sizes, open: new Set(), fault })
      if (size > schemasMax) fault(`the schema has ${size} parts with its references; ${schemasMax} are accepted`)
    }
  }
}

interface Walk {
  readonly document: ManifestDocument
  /** What was counted already: the walk is as long as the document, whatever it would expand to. */
  readonly sizes: Map<object, number>
  /** Schemas that the walk is inside of. */
  readonly open: Set<object>
  readonly fault: (text: string) => void
}

function sizeOf(value: unknown, walk: Walk): number {
  if (typeof value !== 'object' || value === null) return 0
  const known = walk.sizes.get(value)
  if (known !== undefined) return known
  if (walk.open.has(value)) {
    walk.fault('the schema refers to itself')
    return 0
  }
  walk.open.add(value)
  let size = 1
  if (isRecord(value)) {
    checkWords(value, walk.fault)
    if (typeof value['$ref'] === 'string') size += sizeOf(readPointer(walk.document, value['$ref']), walk)
  }
  for (const member of Object.values(value)) size += sizeOf(member, walk)
  walk.open.delete(value)
  walk.sizes.set(value, size)
  return size
}

function checkWords(schema: Readonly<Record<string, unknown>>, fault: (text: string) => void): void {
  const { uniqueItems, maxItems } = schema
  const bounded = typeof maxItems === 'number' && maxItems <= uniqueItemsMax
  if (uniqueItems === true && !bounded) fault(`uniqueItems needs a maxItems of at most ${uniqueItemsMax}`)
  for (const word of ['$dynamicRef', '$recursiveRef'])
    if (Object.hasOwn(schema, word)) fault(`${word} is not accepted: say which schema by $ref`)
}
