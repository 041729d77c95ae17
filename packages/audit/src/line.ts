import type { AuditEvent } from './event.ts'

// A terminal obeys control characters and those that end lines or turn them around; whatever has no shape of its own (format
// characters, fillers, variation selectors, tags) makes two names look like one. JSON leaves most of them as they are.
const unsafe = /[\p{Cc}\p{Cf}\p{Cs}\p{Zl}\p{Zp}\p{Default_Ignorable_Code_Point}]/gu
const textCharactersMax = 2048

/** One event as one line of JSON that is plain text in every reader. Texts above 2048 characters are cut and say so. */
export function formatLine(event: AuditEvent): string {
  const whole = JSON.stringify(event)
  // A line that is no longer than one text may be holds none that is.
  const line = whole.length <= textCharactersMax ? whole : JSON.stringify(event, cutLong)
  return `${line.replace(unsafe, escaped)}\n`
}

function cutLong(_key: string, value: unknown): unknown {
  const isLong = typeof value === 'string' && value.length > textCharactersMax
  return isLong ? `${value.slice(0, textCharactersMax)}… (cut)` : value
}

/** Undefined for a line that is not one of our events. */
export function parseLine(line: string): AuditEvent | undefined {
  const value: unknown = parseJson(line)
  if (typeof value !== 'object' || value === null) return undefined
  const fields: readonly string[] = ['timestamp', 'action', 'user', 'service', 'resource_id', 'ip_address', 'status']
  const valid = fields.every((field) => typeof Reflect.get(value, field) === 'string')
  // The document's fields were checked just now; the rest of the shape is what formatLine wrote.
  return valid ? (value as AuditEvent) : undefined
}

function parseJson(line: string): unknown {
  try {
    return JSON.parse(line)
  } catch {
    // A torn or foreign line is a fact to report, not a failure to hide: the reader yields nothing for it.
    return undefined
  }
}

/** A text as it may be shown on a terminal: characters that it would obey or not show become their escapes. */
export function printable(text: string): string {
  return text.replace(unsafe, escaped)
}

/** The escapes of JSON: two for a character beyond U+FFFF, one for each half. */
function escaped(character: string): string {
  return character.replace(/[^]/g, (unit) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, '0')}`)
}
