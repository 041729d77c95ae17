import assert from 'node:assert/strict'
import { test } from 'node:test'
import { PopError } from '@pop-api/module'
import { byteRange } from './byte-range.ts'
import { contentTypeOf } from './content-type.ts'
import { formatPlace, parsePlace } from './page-token.ts'
import { isRangeOf, isUnchanged, preconditionOf } from './preconditions.ts'

const code = (wanted: string) => (error: unknown) => error instanceof PopError && error.code === wanted
const info = { key: 'a', bytes: 10, etag: '"x"', contentType: 'text/plain', modifiedMs: 0 }

test('byteRange() reads the one range of a request', () => {
  assert.deepEqual(byteRange('bytes=0-0', 10), { from: 0, to: 1 })
  assert.deepEqual(byteRange('bytes=2-', 10), { from: 2, to: 10 })
  assert.deepEqual(byteRange('bytes=2-99', 10), { from: 2, to: 10 })
  assert.deepEqual(byteRange('bytes=-3', 10), { from: 7, to: 10 })
  assert.deepEqual(byteRange('bytes=-99', 10), { from: 0, to: 10 })
})

test('byteRange() passes over what is no single byte range, and refuses one behind the end', () => {
  for (const field of [
    undefined,
    '',
    'bytes',
    'bytes=',
    'bytes=-',
    'bytes=3-2',
    'bytes=0-1,3-4',
    'lines=1-2',
    'bytes=a-b',
  ])
    assert.equal(byteRange(field, 10), undefined, String(field))
  for (const field of ['bytes=10-', 'bytes=10-11', 'bytes=-0'])
    assert.throws(() => byteRange(field, 10), code('range-not-satisfiable'))
  assert.throws(() => byteRange('bytes=0-', 0), code('range-not-satisfiable'))
})

test('preconditionOf() lets pass what the client named', () => {
  preconditionOf({})(undefined)
  preconditionOf({ 'if-match': '"y", "x"' })(info)
  preconditionOf({ 'if-match': '*' })(info)
  preconditionOf({ 'if-none-match': '*' })(undefined)
  preconditionOf({ 'if-none-match': '"y"' })(info)
})

test('preconditionOf() refuses what the client did not name, and what is no list of entity tags', () => {
  const refused: readonly Readonly<Record<string, string>>[] = [
    { 'if-match': '"y"' },
    { 'if-match': 'W/"x"' },
    { 'if-none-match': '*' },
    { 'if-none-match': 'W/"x"' },
  ]
  for (const headers of refused)
    assert.throws(() => preconditionOf(headers)(info), code('precondition-failed'), JSON.stringify(headers))
  assert.throws(() => preconditionOf({ 'if-match': '*' })(undefined), code('precondition-failed'))
  for (const value of ['x', '"x', '"x" "y"', '', '"x",', '*,"x"'])
    assert.throws(() => preconditionOf({ 'if-match': value })(info), code('parameter-invalid'), value)
})

test('isUnchanged() tells a client that has the object already', () => {
  assert.equal(isUnchanged({ 'if-none-match': '"x"' }, info), true)
  assert.equal(isUnchanged({ 'if-none-match': 'W/"x"' }, info), true)
  assert.equal(isUnchanged({ 'if-none-match': '*' }, info), true)
  assert.equal(isUnchanged({ 'if-none-match': '"y"' }, info), false)
  assert.equal(isUnchanged({}, info), false)
  assert.throws(() => isUnchanged({ 'if-match': '"y"' }, info), code('precondition-failed'))
})

test('parsePlace() reads what formatPlace() wrote, and refuses the rest', () => {
  for (const place of [
    { kind: 'key', text: 'a/ä' },
    { kind: 'prefix', text: 'a/' },
  ] as const)
    assert.deepEqual(parsePlace(formatPlace(place)), place)
  assert.equal(parsePlace(undefined), undefined)
  for (const token of ['', 'k', 'x', 'kYQ==', 'k!', 'k_____w'])
    assert.throws(() => parsePlace(token), code('parameter-invalid'), token)
})

test('isRangeOf() takes a range for the object of its If-Range, and for nothing else', () => {
  assert.equal(isRangeOf({}, info), true)
  assert.equal(isRangeOf({ 'if-range': '"x"' }, info), true)
  for (const value of ['"y"', 'W/"x"', '', '*', '"x", "x"', 'Thu, 01 Jan 1970 00:00:00 GMT'])
    assert.equal(isRangeOf({ 'if-range': value }, info), false, value)
})

test('contentTypeOf() takes a media type as it is, and application/octet-stream for none', () => {
  assert.equal(contentTypeOf(undefined), 'application/octet-stream')
  for (const field of ['a/b', 'text/plain; charset=utf-8', 'text/plain;charset="a \\" b";x=y', 'image/svg+xml;'])
    assert.equal(contentTypeOf(field), field)
})

test('contentTypeOf() refuses what an answer could not carry or nobody could read', () => {
  const long = `a/${'b'.repeat(256)}`
  for (const field of [
    '',
    ' ',
    'x',
    'a/b ',
    ' a/b',
    'a/b;\tc=d',
    'a/b; ',
    'a/b, c/d',
    'a/b; c',
    'a/b; c="',
    'a/ä',
    long,
  ])
    assert.throws(() => contentTypeOf(field), code('media-type-unsupported'), field)
})
