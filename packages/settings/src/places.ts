import { isMap, isPair, isScalar, visit, type Document, type LineCounter } from 'yaml'

/** One thing to say about a place of `pop.yaml`. `line` counts from one; `key` is empty where it is about the whole text. */
export interface SettingsNote {
  readonly line: number
  readonly key: string
  readonly message: string
}

/** A text of settings that was parsed, and where its keys stand. */
export interface Places {
  readonly document: Document
  readonly lines: LineCounter
}

/** A note about a key; its line is that of the nearest key above it where it does not stand in the file. */
export function noteAt(places: Places, path: readonly string[], message: string): SettingsNote {
  return { line: lineOf(places, path), key: path.join('.'), message }
}

/** The line of a key, or of the nearest one above it that stands in the file; one where there is none. */
export function lineOf({ document, lines }: Places, path: readonly string[]): number {
  for (let length = path.length; length > 0; length--) {
    const map: unknown = document.getIn(path.slice(0, length - 1), true)
    const pair = isMap(map) ? map.items.find(({ key }) => nameOf(key) === path[length - 1]) : undefined
    const node = pair?.key ?? document.getIn(path.slice(0, length), true)
    const start = startOf(node)
    if (start !== undefined) return lines.linePos(start).line
  }
  return 1
}

/** The paths of the file that a key stands for: none where the file does not have it, several where a part of it is `*`. */
export function pathsOf(
  document: Document,
  [first, ...rest]: readonly string[],
  path: readonly string[] = [],
): readonly (readonly string[])[] {
  if (first === undefined) return [path]
  if (first !== '*') return document.hasIn([...path, first]) ? pathsOf(document, rest, [...path, first]) : []
  const block: unknown = document.getIn(path)
  const names = isMap(block) ? block.items.map(({ key }) => nameOf(key)) : []
  return names.flatMap((name) => pathsOf(document, rest, [...path, name]))
}

/** Every key that stands twice in its map, and every alias: neither has one meaning only for everybody who reads the file. */
export function ambiguities({ document, lines }: Places): readonly SettingsNote[] {
  const notes: SettingsNote[] = []
  visit(document, {
    Alias(_key, alias) {
      const line = lines.linePos(alias.range?.[0] ?? 0).line
      notes.push({ line, key: `*${alias.source}`, message: 'aliases are not accepted: write the value out' })
    },
    Map(_key, map, ancestors) {
      const above = ancestors.flatMap((node) => (isPair(node) ? [nameOf(node.key)] : []))
      const first = new Map<string, number>()
      for (const { key } of map.items) {
        const name = nameOf(key)
        const line = lines.linePos(startOf(key) ?? 0).line
        const before = first.get(name)
        const message = `stands twice, first in line ${before}: keep one of them`
        if (before === undefined) first.set(name, line)
        else notes.push({ line, key: [...above, name].join('.'), message })
      }
    },
  })
  return notes
}

function nameOf(key: unknown): string {
  return String(isScalar(key) ? key.value : key)
}

function startOf(node: unknown): number | undefined {
  const range: unknown = typeof node === 'object' && node !== null ? Reflect.get(node, 'range') : undefined
  const start: unknown = Array.isArray(range) ? range[0] : undefined
  return typeof start === 'number' ? start : undefined
}
