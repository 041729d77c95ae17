import { serializeInnerList, serializeItem, type InnerList, type Item } from 'structured-headers'
import {
  bytesOfValue,
  isStructuredList,
  parseCanonicalDictionary,
  type StructuredItem,
  type StructuredList,
} from '../encoding/dictionary.ts'
import { accepted, refused, type Verdict } from '../verdict.ts'
import type { Component } from './component.ts'

/** One signature of a message, parsed and not verified. */
export interface ParsedSignature {
  readonly components: readonly Component[]
  /** The inner list with its parameters, serialised: the value of `@signature-params`. */
  readonly text: string
  readonly parameters: ReadonlyMap<string, unknown>
  readonly signature: Uint8Array
}

/**
 * Parses the combined values of `Signature-Input` and `Signature` (RFC 9421, section 4) into signatures by label. Refused with
 * `seal-malformed` are a label in one field alone, components that are covered twice or that have parameters we do not know,
 * and every spelling but the one that RFC 9651, section 4.1, writes: a label or parameter that occurs twice, where parsers keep
 * the last, is thereby never seen by anyone. Untrusted input.
 */
export function parseSignatureFields(
  signatureInput: string,
  signature: string,
): Verdict<ReadonlyMap<string, ParsedSignature>> {
  const inputs = parseCanonicalDictionary(signatureInput)
  const signatures = parseCanonicalDictionary(signature)
  if (inputs === undefined || signatures === undefined) {
    return refused(
      'seal-malformed',
      'Signature-Input and Signature must be dictionaries in canonical form, each label once.',
    )
  }
  if (inputs.size === 0 || inputs.size !== signatures.size) {
    return refused('seal-malformed', 'Signature-Input and Signature must have the same labels, at least one.')
  }
  const parsed = new Map<string, ParsedSignature>()
  for (const [label, input] of inputs) {
    const bytes = bytesOfValue(signatures.get(label)?.[0])
    if (bytes === undefined || !isStructuredList(input)) {
      return refused('seal-malformed', 'A label must have an inner list in Signature-Input and bytes in Signature.')
    }
    const components = readComponents(input)
    if (components === undefined) {
      return refused('seal-malformed', 'A component is covered twice or has parameters that are not known here.')
    }
    // Parsed by the library a moment ago, so it has the library's shape.
    const text = serializeInnerList(input as unknown as InnerList)
    parsed.set(label, { components, text, parameters: input[1], signature: bytes })
  }
  return accepted(parsed)
}

const fieldName = /^[a-z0-9!#$%&'*+\-.^_`|~]+$/
const derivedNames: ReadonlySet<string> = new Set([
  '@method',
  '@target-uri',
  '@authority',
  '@scheme',
  '@request-target',
  '@path',
  '@query',
  '@query-param',
  '@status',
])

function readComponents([items]: StructuredList): readonly Component[] | undefined {
  const components = new Map<string, Component>()
  for (const item of items) {
    const component = readComponent(item)
    if (component === undefined) return undefined
    // The order of parameters does not make another component (RFC 9421, section 2), so the text is not what is compared.
    const { name, req, tr, bs, key, queryName } = component
    const identity = JSON.stringify([name, req, tr, bs, key, queryName])
    if (components.has(identity)) return undefined
    components.set(identity, component)
  }
  return [...components.values()]
}

/** Reads one item of the inner list; undefined for a name or a parameter that is not known, and for contradictory ones. */
function readComponent(item: StructuredItem): Component | undefined {
  const [name, parameters] = item
  if (typeof name !== 'string') return undefined
  const derived = name.startsWith('@')
  if (derived ? !derivedNames.has(name) : !fieldName.test(name)) return undefined
  const flags: { req?: true; tr?: true; bs?: true; key?: string; queryName?: string } = {}
  for (const [parameter, value] of parameters) {
    if (parameter === 'req' && value === true) flags.req = true
    else if (parameter === 'tr' && value === true && !derived) flags.tr = true
    else if (parameter === 'bs' && value === true && !derived) flags.bs = true
    else if (parameter === 'key' && typeof value === 'string' && !derived) flags.key = value
    else if (parameter === 'name' && typeof value === 'string' && name === '@query-param') flags.queryName = value
    else return undefined
  }
  if (flags.bs === true && (flags.key !== undefined || flags.tr === true)) return undefined
  if (name === '@query-param' && flags.queryName === undefined) return undefined
  // Parsed by the library a moment ago, so it has the library's shape.
  return { name, text: serializeItem(item as unknown as Item), ...flags }
}
