import assert from 'node:assert/strict'
import { test } from 'node:test'
import { PopError } from '@pop-api/protocol'
import { defineModule } from './definition.ts'
import { notesManifest } from './test-notes.ts'

const handler = () => ({ status: 204 })
const handlers = { create: handler, list: handler, get: handler, change: handler, remove: handler }

test('defineModule() takes a handler for each operation, and no other', () => {
  const definition = defineModule({ manifest: notesManifest, handlers })
  assert.equal(definition.find('GET', ['v1', 'notes', 'items']).kind, 'found')
  assert.deepEqual([...(definition.readPermissions.get('note') ?? [])], ['notes.read'])
  const { create, ...others } = handlers
  assert.throws(
    () => defineModule({ manifest: notesManifest, handlers: others }),
    /POST \/items \(create\) has no handler/,
  )
  assert.throws(
    () => defineModule({ manifest: notesManifest, handlers: { ...handlers, extra: create } }),
    /the handler extra has no operation/,
  )
})

test('defineModule() refuses a manifest that does not load or cannot be served', () => {
  assert.throws(
    () => defineModule({ manifest: { ...notesManifest, paths: {} }, handlers: {} }),
    (error) => error instanceof PopError && error.code === 'manifest-invalid',
  )
  const requires = { role: 'create_resource', module: 'notes.write' }
  const withOperation = (operation: object) => ({
    ...notesManifest,
    paths: { '/x': { post: { operationId: 'x', 'x-pop-requires': requires, ...operation } } },
  })
  for (const [operation, message] of [
    [{ requestBody: { content: { 'text/csv': { schema: {} } } } }, /only application\/json/],
    [
      { 'x-pop-resource': { kind: 'note', effect: 'list', items: '/data', key: '/note' } },
      /query parameter page_token/,
    ],
  ] as const)
    assert.throws(() => defineModule({ manifest: withOperation(operation), handlers: { x: handler } }), message)
})
