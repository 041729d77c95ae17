import assert from 'node:assert/strict'
import { test } from 'node:test'
import { PopError } from '../problem/pop-error.ts'
import { parseTarget } from '../target/canonical-target.ts'
import { parseManifest } from './parse.ts'
import { compileValidator } from './validator.ts'

/** Validates a path parameter of a schema that forbids two dots in a row. */
function tryName(name: string) {
  const schema = { type: 'string', maxLength: 63, not: { type: 'string', maxLength: 63, pattern: '\\.\\.' } }
  const document = {
    openapi: '3.1.0',
    info: { title: 'things', version: '1' },
    'x-pop-module': { name: 'things', base: '/v1/things', permissions: ['things.read'] },
    paths: {
      '/{name}': {
        parameters: [{ name: 'name', in: 'path', required: true, schema }],
        get: { 'x-pop-requires': { role: 'view_any_resources', module: 'things.read' } },
      },
    },
  }
  const [operation] = parseManifest(document).operations
  const target = parseTarget(`/v1/things/${name}`)
  assert.ok(operation !== undefined && target.ok)
  const validate = compileValidator(operation, document)
  return validate({ parameters: { name }, target: target.value, headers: [], body: new Uint8Array() })
}

test('compileValidator() takes a parameter that its schema does not exclude', () => {
  assert.deepEqual(tryName('a.b').parameters, { name: 'a.b' })
})

test('compileValidator() says of a parameter that its schema excludes more than that it must not be valid', () => {
  assert.throws(
    () => tryName('a..b'),
    (error) => {
      assert.ok(error instanceof PopError)
      assert.equal(error.code, 'parameter-invalid')
      assert.deepEqual(error.members['errors'], [
        { pointer: '', message: 'must not be what the schema excludes by its "not"' },
      ])
      return true
    },
  )
})
