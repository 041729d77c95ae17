import assert from 'node:assert/strict'
import { test } from 'node:test'
import { differences, merged, type Fields } from './compare.ts'

const same: readonly (readonly [string, Fields, Fields])[] = [
  ['what nobody wants anything of', { enabled: true, other: 1 }, { enabled: true }],
  ['a list in another order', { redirectUris: ['b', 'a'] }, { redirectUris: ['a', 'b'] }],
  ['an empty list where there is nothing', {}, { redirectUris: [] }],
  ['members of an object, with others beside them', { attributes: { a: '1', b: '2' } }, { attributes: { a: '1' } }],
]
for (const [name, found, wanted] of same) {
  test(`differences() finds none in ${name}`, () => assert.deepEqual(differences(found, wanted), []))
}

const otherwise: readonly (readonly [string, Fields, Fields, readonly unknown[]])[] = [
  ['another value', { life: 60 }, { life: 3600 }, [{ field: 'life', from: 60, to: 3600 }]],
  ['another type', { life: '60' }, { life: 60 }, [{ field: 'life', from: '60', to: 60 }]],
  ['nothing', {}, { life: 60 }, [{ field: 'life', from: undefined, to: 60 }]],
  ['a name of every object', {}, { toString: 'x' }, [{ field: 'toString', from: undefined, to: 'x' }]],
  ['one more in a list', { uris: ['a', 'b'] }, { uris: ['a'] }, [{ field: 'uris', from: ['a', 'b'], to: ['a'] }]],
  ['one in a list that is to be empty', { uris: ['a'] }, { uris: [] }, [{ field: 'uris', from: ['a'], to: [] }]],
  ['one twice in a list', { uris: ['a', 'a'] }, { uris: ['a'] }, [{ field: 'uris', from: ['a', 'a'], to: ['a'] }]],
  ['a member', { at: { a: '1' } }, { at: { a: '2' } }, [{ field: 'at.a', from: '1', to: '2' }]],
  ['an object that is none', { at: 'x' }, { at: { a: '1' } }, [{ field: 'at.a', from: undefined, to: '1' }]],
  [
    'a list where an object is wanted',
    { at: ['1'] },
    { at: { 0: '1' } },
    [{ field: 'at.0', from: undefined, to: '1' }],
  ],
]
for (const [name, found, wanted, expected] of otherwise) {
  test(`differences() finds ${name}`, () => assert.deepEqual(differences(found, wanted), expected))
}

test('differences() tells that a secret is otherwise, and neither what it is nor what it was', () => {
  const hidden = '(hidden)'
  assert.deepEqual(differences({ secret: 'old' }, { secret: 'new' }), [{ field: 'secret', from: hidden, to: hidden }])
  assert.deepEqual(differences({}, { secret: 'new' }), [{ field: 'secret', from: undefined, to: hidden }])
  const [keys] = differences({}, { attributes: { 'jwks.string': '{}' } })
  assert.deepEqual(keys, { field: 'attributes.jwks.string', from: undefined, to: hidden })
})

test('merged() makes what is wanted as wanted, at every depth, and leaves the rest', () => {
  const found = { id: '1', life: 60, attributes: { a: '1', b: '2' }, uris: ['a', 'b'] }
  const wanted = { life: 3600, attributes: { a: '3' }, uris: ['c'], fresh: { c: '4' } }
  const next = merged(found, wanted)
  assert.deepEqual(next, {
    id: '1',
    life: 3600,
    attributes: { a: '3', b: '2' },
    uris: ['c'],
    fresh: { c: '4' },
  })
  assert.deepEqual(differences(next, wanted), [])
  assert.equal(found.life, 60)
})
