import assert from 'node:assert/strict'
import { test } from 'node:test'
import { PopError } from '@pop-api/protocol'
import { requireMatch } from './if-match.ts'

const present = '"abc"'

for (const field of [undefined, '*', '"abc"', '"x", "abc"', ' "abc"\t', 'W/"abc", "abc"']) {
  test(`requireMatch() goes on with ${field}`, () => requireMatch(field, present))
}

const refused: readonly (readonly [string, string])[] = [
  ['"x"', 'precondition-failed'],
  ['W/"abc"', 'precondition-failed'],
  ['"x", W/"abc"', 'precondition-failed'],
  ['abc', 'parameter-invalid'],
  ['', 'parameter-invalid'],
  ['"abc', 'parameter-invalid'],
  ['"abc" "abc"', 'parameter-invalid'],
  ['*, "abc"', 'parameter-invalid'],
]

for (const [field, code] of refused) {
  test(`requireMatch() refuses ${JSON.stringify(field)} with ${code}`, () => {
    assert.throws(
      () => requireMatch(field, present),
      (error) => error instanceof PopError && error.code === code,
    )
  })
}
