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

const catastrophic = { type: 'string', pattern: '^(a+)+$', maxLength: 64 }

function bodyOf(schema: object): Record<string, unknown> {
  return { requestBody: { content: { 'application/json': { schema } } } }
}

function manyParameters(count: number): readonly object[] {
  return Array.from({ length: count }, (_, index) => ({ name: `q${index}`, in: 'query', schema: {} }))
}

function manyOperations(count: number): Record<string, unknown> {
  const get = { 'x-pop-requires': { role: 'create_resource', module: 'kafka.modify' } }
  const paths = Array.from({ length: count }, (_, index) => [`/x${index}`, { get }] as const)
  return { ...documentWith({}), paths: Object.fromEntries(paths) }
}

test('parseManifest() takes 200 operations, and patterns whose cost is bounded', () => {
  assert.equal(parseManifest(manyOperations(200)).operations.length, 200)
  const schema = {
    properties: { pattern: { type: 'string', pattern: '^[a-z]+-[a-z]+$', maxLength: 128 } },
    patternProperties: { '^x-[a-z]*$': {}, '^y-[a-z]{1,40}$': {} },
    propertyNames: { maxLength: 128 },
  }
  assert.equal(parseManifest(documentWith(bodyOf(schema))).operations.length, 1)
})

test('parseManifest() names the first 20 faults and says how many there are', () => {
  const many = Array.from({ length: 31 }, (_, index) => [`/x${index}`, { get: {} }] as const)
  assert.throws(
    () => parseManifest({ ...documentWith({}), paths: Object.fromEntries(many) }),
    (error) =>
      error instanceof PopError && /has 31 fault/.test(error.message) && error.message.split(';').length === 21,
  )
})

test('parseManifest() makes operations of an OpenAPI document', () => {
  const manifest = parseManifest(documentWith({}))
  assert.equal(manifest.name, 'kafka_service')
  const [patch] = manifest.operations
  assert.equal(patch?.id, 'PATCH /topics/{topic}')
  assert.deepEqual(patch?.resource, { kind: 'topic', effect: 'change', id: { from: 'path', name: 'topic' } })
})

const requirement = { role: 'create_resource', module: 'kafka.modify' }

test('parseManifest() reads how a token must be bound and how old its sign-in may be', () => {
  const requiresOf = (more: object) =>
    parseManifest(documentWith({ 'x-pop-requires': { ...requirement, ...more } })).operations[0]?.requires
  assert.deepEqual(requiresOf({}), requirement)
  assert.deepEqual(requiresOf({ bound: true, max_age: 300 }), { ...requirement, bound: true, maxAgeSeconds: 300 })
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
  ...[false, 'true', 1, null].map(
    (bound) =>
      [
        `bound: ${JSON.stringify(bound)}`,
        documentWith({ 'x-pop-requires': { ...requirement, bound } }),
        /bound must be true/,
      ] as const,
  ),
  ...[0, -1, 1.5, 86_401, '300', null].map(
    (maxAge) =>
      [
        `max_age: ${JSON.stringify(maxAge)}`,
        documentWith({ 'x-pop-requires': { ...requirement, max_age: maxAge } }),
        /max_age must be a whole number of seconds from 1 to 86400/,
      ] as const,
  ),
  [
    'a word of x-pop-requires that is none',
    documentWith({ 'x-pop-requires': { ...requirement, bounded: true } }),
    /x-pop-requires\.bounded is not one of/,
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
  ['201 operations', manyOperations(201), /201 operations, at most 200/],
  ['1001 parameters', documentWith({ parameters: manyParameters(1000) }), /1001 parameters and bodies/],
  [
    'a parameter with a pattern that backtracks',
    documentWith({ parameters: [{ name: 'q', in: 'query', schema: catastrophic }] }),
    /#\/paths\/~1topics~1\{topic\}\/patch\/parameters\/0\/schema\/pattern: the pattern "\^\(a\+\)\+\$" can take/,
  ],
  [
    'a body with such a pattern',
    documentWith(bodyOf({ items: { allOf: [catastrophic] } })),
    /items\/allOf\/0\/pattern/,
  ],
  [
    'a component with such a pattern',
    { ...documentWith({}), components: { schemas: { pattern: catastrophic } } },
    /#\/components\/schemas\/pattern\/pattern/,
  ],
  [
    'a key of patternProperties with such a pattern',
    documentWith(bodyOf({ patternProperties: { '^(a+)+$': {} }, propertyNames: { maxLength: 64 } })),
    /schema\/patternProperties: the pattern/,
  ],
  ['an unbounded pattern without maxLength', documentWith(bodyOf({ pattern: '^a*$' })), /needs a maxLength/],
  [
    'unbounded patternProperties without a bound on names',
    documentWith(bodyOf({ patternProperties: { '^a*$': {} } })),
    /needs a maxLength/,
  ],
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
