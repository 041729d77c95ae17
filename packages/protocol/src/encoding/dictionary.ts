import {
  parseDictionary as parse,
  serializeDictionary as serialize,
  type Dictionary as LibraryDictionary,
} from 'structured-headers'

/** A value of RFC 9651 with its parameters. The values are `unknown`, for the library's own type depends on the DOM's. */
export type StructuredItem = readonly [value: unknown, parameters: ReadonlyMap<string, unknown>]
export type StructuredList = readonly [items: readonly StructuredItem[], parameters: ReadonlyMap<string, unknown>]
export type Dictionary = ReadonlyMap<string, StructuredItem | StructuredList>

/** Parses a dictionary (RFC 9651, section 4.2.2), of equal keys the last one; undefined if it is none. Untrusted input. */
export function parseDictionary(text: string): Dictionary | undefined {
  return read(text)
}

/**
 * The same, but only in the one spelling that RFC 9651, section 4.1.2, writes. Keys or parameters that occur twice, of which
 * parsers keep the last, are refused with every other second spelling. Untrusted input.
 */
export function parseCanonicalDictionary(text: string): Dictionary | undefined {
  const dictionary = read(text)
  return dictionary !== undefined && serialize(dictionary) === text ? dictionary : undefined
}

export function isStructuredList(member: StructuredItem | StructuredList): member is StructuredList {
  return Array.isArray(member[0])
}

/** The bytes of a byte sequence; undefined for every other value. */
export function bytesOfValue(value: unknown): Uint8Array | undefined {
  return value instanceof ArrayBuffer ? new Uint8Array(value) : undefined
}

function read(text: string): LibraryDictionary | undefined {
  try {
    return parse(text)
  } catch {
    // The library says by throwing that the text is no dictionary; the contract says undefined.
    return undefined
  }
}
