import assert from 'node:assert/strict'
import { test } from 'node:test'
import { PopError } from '../problem/pop-error.ts'
import { manifestDigest } from './digest.ts'
import { basesOverlap, parseManifest } from './parse.ts'

const operation = {
  'x-pop-requires': { role: { any: 'modify_settings', own: 'create_resource' }, module: 'kafka.modify' },
  'x-pop-resource': { kind: 'topic', id: 'path.topic', effect: 'change' },
}
const topicParameter = { name: 'topic', in: 'path', required: true, schema: { type: 'string' } }

function documentWith(changes: Record<string, unknown>, base = '/v1/kafka'): Record<string, unknown> {
  return {
    openapi: '3.1.0',
    info: { title: 'kafka_service', version: '1' },
    'x-pop-module': { name: 'kafka_service', base, permissions: ['kafka.modify'] },
    paths: { '/topics/{topic}': { parameters: [topicParameter], patch: { ...operation, ...changes } } },
  }
}

test('parseManifest() makes operations of an OpenAPI document', () => {
  const manifest = parseManifest(documentWith({}))
  assert.equal(manifest.name, 'kafka_service')
  const [patch] = manifest.operations
  assert.equal(patch?.id, 'PATCH /topics/{topic}')
  assert.deepEqual(patch?.resource, { kind: 'topic', effect: 'change', id: { from: 'path', name: 'topic' } })
})

const refusals: readonly (readonly [string, Record<string, unknown>, RegExp])[] = [
  ['an operation without x-pop-requires', documentWith({ 'x-pop-requires': undefined }), /x-pop-requires is missing/],
  ['an ownership map without x-pop-resource', documentWith({ 'x-pop-resource': undefined }), /needs x-pop-resource/],
  [
    'a permission of another module',
    documentWith({ 'x-pop-requires': { role: 'create_resource', module: 's3.upload' } }),
    /must be one of/,
  ],
  [
    'an unknown ownership',
    documentWith({ 'x-pop-requires': { role: { some: 'x' }, module: 'kafka.modify' } }),
    /any, own, public/,
  ],
  ['a list without items', documentWith({ 'x-pop-resource': { kind: 'topic', effect: 'list' } }), /items and \.key/],
  ['a reserved base', documentWith({}, '/v1/pop'), /reserved/],
  ['a base above a reserved one', documentWith({}, '/v1'), /reserved/],
  [
    'a path parameter without a schema',
    { ...documentWith({}), paths: { '/topics/{other}': { patch: operation } } },
    /has no schema/,
  ],
  ['a method that is not served', { ...documentWith({}), paths: { '/topics': { trace: operation } } }, /not served/],
  ['no operation', { ...documentWith({}), paths: {} }, /no operation/],
]

for (const [name, document, message] of refusals) {
  test(`parseManifest() refuses ${name}`, () => {
    assert.throws(
      () => parseManifest(document),
      (error) => error instanceof PopError && error.code === 'manifest-invalid' && message.test(error.message),
    )
  })
}

test('parseManifest() refuses what is no object', () => {
  for (const document of [null, 'x', 1, []]) assert.throws(() => parseManifest(document), PopError)
})

test('manifestDigest() is the same for every spelling and another for every change', () => {
  assert.equal(manifestDigest({ a: 1, b: { c: 2, d: 3 } }), manifestDigest({ b: { d: 3, c: 2 }, a: 1 }))
  assert.notEqual(manifestDigest({ a: 1 }), manifestDigest({ a: 2 }))
})

test('basesOverlap() sees the same base and one above the other, and not a longer word', () => {
  assert.equal(basesOverlap('/v1/kafka', '/v1/kafka'), true)
  assert.equal(basesOverlap('/v1', '/v1/kafka'), true)
  assert.equal(basesOverlap('/v1/kafka', '/v1/kafka2'), false)
})
