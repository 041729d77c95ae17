import { LineCounter, parseDocument } from 'yaml'
import { ambiguities, lineOf, type Places, type SettingsNote } from './places.ts'

export type YamlResult =
  | {
      readonly ok: true
      readonly value: unknown
      /** The line, from one, of the member or item that these names and indices lead to, or of the nearest above it. */
      readonly lineOf: (path: readonly string[]) => number
    }
  | { readonly ok: false; readonly faults: readonly SettingsNote[] }

/**
 * Reads a text of YAML 1.2, which JSON is too, as strictly as `pop.yaml`: a key that stands twice and an alias are faults, each with
 * its line. Untrusted input.
 */
export function readYaml(text: string): YamlResult {
  const places = parseYaml(text)
  const unreadable = syntaxFaults(places)
  const faults = unreadable.length > 0 ? unreadable : ambiguities(places)
  return faults.length > 0
    ? { ok: false, faults }
    : { ok: true, value: places.document.toJS(), lineOf: (path) => lineOf(places, path) }
}

/** Parses without a judgement. Keys that stand twice are found by `ambiguities`, so that they hide no other fault. */
export function parseYaml(text: string): Places {
  const lines = new LineCounter()
  const document = parseDocument(text, {
    lineCounter: lines,
    uniqueKeys: false,
    prettyErrors: false,
    version: '1.2',
    customTags: [],
  })
  return { document, lines }
}

/** What is no YAML at all. */
export function syntaxFaults({ document, lines }: Places): readonly SettingsNote[] {
  return document.errors.map(({ pos, message }) => ({
    line: lines.linePos(pos[0]).line,
    key: '',
    message: `this is not YAML: ${message}`,
  }))
}
