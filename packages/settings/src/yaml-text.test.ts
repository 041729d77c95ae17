import assert from 'node:assert/strict'
import { test } from 'node:test'
import { readYaml } from './yaml-text.ts'

test('readYaml() reads YAML and JSON, and knows the line of each part', () => {
  const read = readYaml('- a: 1\n- b:\n    c: 2\n')
  assert.ok(read.ok)
  assert.deepEqual(read.value, [{ a: 1 }, { b: { c: 2 } }])
  assert.deepEqual([read.lineOf(['1']), read.lineOf(['1', 'b', 'c']), read.lineOf(['1', 'x'])], [2, 3, 2])
  const json = readYaml('{"a": [1, 2]}')
  assert.ok(json.ok)
  assert.deepEqual(json.value, { a: [1, 2] })
})

const refused: readonly (readonly [string, string, RegExp])[] = [
  ['what is no YAML', 'a: [', /not YAML/],
  ['a key that stands twice', 'a: 1\na: 2', /stands twice/],
  ['an alias, which could stand for more than fits into memory', 'a: &x [1]\nb: *x', /aliases/],
]
for (const [name, text, fault] of refused) {
  test(`readYaml() refuses ${name}`, () => {
    const read = readYaml(text)
    assert.ok(!read.ok)
    assert.match(read.faults[0]?.message ?? '', fault)
  })
}
