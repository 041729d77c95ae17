import type { z } from 'zod'

/** What is wrong with a value, in our words: what was expected, and what was found unless that could be a secret. */
export function sayIssue(issue: z.core.$ZodIssue, found: unknown): string {
  if (found === undefined && issue.code === 'invalid_type') return `is missing: expected ${kind(issue.expected)}`
  const expected = expectation(issue)
  // A secret that was written out instead of referred to must not come into a message.
  if (issue.code === 'invalid_union' && typeof found !== 'object') return `${expected}, found the value itself`
  return `${expected}, found ${describe(found)}`
}

function expectation(issue: z.core.$ZodIssue): string {
  switch (issue.code) {
    case 'invalid_type':
      return `expected ${kind(issue.expected)}`
    case 'invalid_value':
      return `expected ${issue.values.map(String).join(' or ')}`
    case 'too_small':
      return issue.origin === 'string' ? 'expected a text that is not empty' : `expected at least ${issue.minimum}`
    case 'too_big':
      return `expected at most ${issue.maximum}`
    case 'invalid_union':
      return 'expected {file: PATH} or {env: NAME}'
    case 'invalid_format':
      return issue.format === 'url' ? 'expected an address such as https://id.example/realms/pop' : issue.message
    case 'invalid_key':
      // The faults of the name itself; the schema has words of its own for each.
      return issue.issues.map(({ message }) => message).join('; ')
    default:
      return issue.message
  }
}

const kinds: Readonly<Record<string, string>> = {
  object: 'a map',
  record: 'a map',
  array: 'a list',
  string: 'a text',
  boolean: 'true or false',
  int: 'a whole number',
  number: 'a whole number',
}

function kind(expected: string): string {
  return kinds[expected] ?? expected
}

const charactersMax = 60

/** A value in a few words: what was found in place of what was expected. */
export function describe(value: unknown): string {
  if (value === null || value === undefined) return 'nothing'
  if (Array.isArray(value)) return 'a list'
  if (typeof value === 'object') return 'a map'
  if (typeof value === 'string') {
    if (value === '') return 'an empty text'
    return JSON.stringify(value.length > charactersMax ? `${value.slice(0, charactersMax)}…` : value)
  }
  return typeof value === 'number' || typeof value === 'boolean' ? String(value) : typeof value
}
