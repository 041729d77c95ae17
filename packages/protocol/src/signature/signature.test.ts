import assert from 'node:assert/strict'
import { createSecretKey, generateKeyPairSync } from 'node:crypto'
import { test } from 'node:test'
import { contentDigest, matchesContentDigest } from '../digest/content-digest.ts'
import { signBase, verifyBase } from './algorithm.ts'
import { signatureBase } from './base.ts'
import { componentValue, type Component } from './component.ts'
import { parseSignatureFields } from './fields.ts'
import { combineFields, type SignedMessage } from './message.ts'

const get: SignedMessage = {
  method: 'GET',
  target: '/path?param=value&foo=bar&baz=batman&qux=',
  scheme: 'https',
  authority: 'WWW.Example.com:443',
  fields: new Map(),
}

function valueOf(
  name: string,
  message: SignedMessage,
  flags: Omit<Component, 'name' | 'text'> = {},
): string | undefined {
  return componentValue({ name, text: `"${name}"`, ...flags }, message)
}

test('componentValue() derives the components of a request (RFC 9421, section 2.2)', () => {
  const expected: Readonly<Record<string, string>> = {
    '@method': 'GET',
    '@request-target': '/path?param=value&foo=bar&baz=batman&qux=',
    '@authority': 'www.example.com',
    '@scheme': 'https',
    '@target-uri': 'https://www.example.com/path?param=value&foo=bar&baz=batman&qux=',
    '@path': '/path',
    '@query': '?param=value&foo=bar&baz=batman&qux=',
  }
  for (const [name, value] of Object.entries(expected)) assert.equal(valueOf(name, get), value, name)
  assert.equal(valueOf('@query', { ...get, target: '/path' }), '?')
  assert.equal(valueOf('@authority', { ...get, scheme: 'http', authority: 'a:80' }), 'a')
  assert.equal(valueOf('@authority', { ...get, scheme: 'http', authority: 'a:443' }), 'a:443')
  assert.equal(valueOf('@status', get), undefined)
  assert.equal(valueOf('@path', { ...get, target: '*' }), undefined)
  assert.equal(valueOf('@unheard-of', get), undefined)
})

test('componentValue() reads query parameters as RFC 9421, section 2.2.8, does', () => {
  const message = {
    ...get,
    target:
      '/parameters?var=this%20is%20a%20big%0Amultiline%20value&bar=with+plus+whitespace&fa%C3%A7ade%22%3A%20=something&x=1&x=2',
  }
  assert.equal(valueOf('@query-param', message, { queryName: 'var' }), 'this%20is%20a%20big%0Amultiline%20value')
  assert.equal(valueOf('@query-param', message, { queryName: 'bar' }), 'with%20plus%20whitespace')
  assert.equal(valueOf('@query-param', message, { queryName: 'fa%C3%A7ade%22%3A%20' }), 'something')
  assert.equal(valueOf('@query-param', message, { queryName: 'x' }), undefined)
  assert.equal(valueOf('@query-param', message, { queryName: 'y' }), undefined)
  assert.equal(valueOf('@query-param', get, { queryName: 'qux' }), '')
})

test('combineFields() trims, unfolds and joins (RFC 9421, section 2.1)', () => {
  const fields = combineFields([
    'X-OWS-Header',
    '  Leading and trailing whitespace.   ',
    'X-Obs-Fold-Header',
    'Obsolete\r\n    line folding.',
    'Cache-Control',
    'max-age=60',
    'cache-control',
    '   must-revalidate',
    'X-Empty',
    '',
  ])
  assert.equal(fields.get('x-ows-header'), 'Leading and trailing whitespace.')
  assert.equal(fields.get('x-obs-fold-header'), 'Obsolete line folding.')
  assert.equal(fields.get('cache-control'), 'max-age=60, must-revalidate')
  assert.equal(fields.get('x-empty'), '')
})

test('componentValue() covers dictionary members, byte sequences, trailers and the request of an answer', () => {
  const rawFields = [
    'Example-Header',
    'value, with, lots',
    'Example-Header',
    'of, commas',
    'Dict',
    'a=1, b=2;x=1;y=2, c=(a   b    c), d',
  ]
  const fields = combineFields(rawFields)
  const message: SignedMessage = {
    fields,
    rawFields,
    trailers: new Map([['expires', 'soon']]),
    request: get,
    status: 200,
  }
  assert.equal(valueOf('dict', message, { key: 'a' }), '1')
  assert.equal(valueOf('dict', message, { key: 'b' }), '2;x=1;y=2')
  assert.equal(valueOf('dict', message, { key: 'c' }), '(a b c)')
  assert.equal(valueOf('dict', message, { key: 'd' }), '?1')
  assert.equal(valueOf('dict', message, { key: 'e' }), undefined)
  assert.equal(valueOf('example-header', message, { key: 'a' }), undefined)
  assert.equal(valueOf('example-header', message, { bs: true }), ':dmFsdWUsIHdpdGgsIGxvdHM=:, :b2YsIGNvbW1hcw==:')
  assert.equal(valueOf('absent', message, { bs: true }), undefined)
  assert.equal(valueOf('expires', message), undefined)
  assert.equal(valueOf('expires', message, { tr: true }), 'soon')
  assert.equal(valueOf('@method', message), undefined)
  assert.equal(valueOf('@method', message, { req: true }), 'GET')
  assert.equal(valueOf('@status', message), '200')
  assert.equal(valueOf('@method', get, { req: true }), undefined)
})

test('componentValue() refuses a value that would forge a line of the base', () => {
  for (const value of ['a\n"@method": GET', 'a\rb', 'a\u0000', 'caf\u00e9']) {
    assert.equal(valueOf('x', { fields: new Map([['x', value]]) }), undefined)
  }
  assert.equal(signatureBase([{ name: 'x', text: '"x"' }], '()', { fields: new Map() }), undefined)
})

const bytes = ':AAAA:'

test('parseSignatureFields() gives each label its components and parameters', () => {
  const parsed = parseSignatureFields(`a=("@method" "x";tr);created=1, b=()`, `a=${bytes}, b=${bytes}`)
  assert(parsed.ok)
  assert.deepEqual([...parsed.value.keys()], ['a', 'b'])
  const first = parsed.value.get('a')
  assert.equal(first?.text, '("@method" "x";tr);created=1')
  assert.deepEqual(first.components, [
    { name: '@method', text: '"@method"' },
    { name: 'x', text: '"x";tr', tr: true },
  ])
  assert.equal(first.parameters.get('created'), 1)
})

test('parseSignatureFields() refuses every second reading', () => {
  const cases: readonly (readonly [string, string])[] = [
    ['', ''],
    ['a=()', ''],
    ['a=()', `b=${bytes}`],
    ['a=(), a=("@method")', `a=${bytes}`],
    ['a=(), a=()', `a=${bytes}, a=${bytes}`],
    ['a=()', `a=${bytes}, b=${bytes}`],
    ['a=();created=1;created=2', `a=${bytes}`],
    ['a=("x";req;req)', `a=${bytes}`],
    ['a=( "x")', `a=${bytes}`],
    ['a=("x"  "y")', `a=${bytes}`],
    ['a=();created=01', `a=${bytes}`],
    ['a=()', 'a=:AAAB'],
    ['a=()', 'a=:AB==:'],
    ['a=()', 'a=:AAAA'],
    ['a=()', 'a=x'],
    ['a="x"', `a=${bytes}`],
    ['a=("x" "x")', `a=${bytes}`],
    ['a=("x";req;key="k" "x";key="k";req)', `a=${bytes}`],
    ['a=("X")', `a=${bytes}`],
    ['a=(x)', `a=${bytes}`],
    ['a=("@unheard-of")', `a=${bytes}`],
    ['a=("@query-param")', `a=${bytes}`],
    ['a=("@method";tr)', `a=${bytes}`],
    ['a=("x";sf)', `a=${bytes}`],
    ['a=("x";bs;key="k")', `a=${bytes}`],
    ['a=("x";unheard)', `a=${bytes}`],
  ]
  for (const [input, signature] of cases) {
    const parsed = parseSignatureFields(input, signature)
    assert.equal(!parsed.ok && parsed.code, 'seal-malformed', `${input} ${signature}`)
  }
  assert.equal(parseSignatureFields('a=("x";key="k" "x";req;key="k")', `a=${bytes}`).ok, true)
})

test('signBase() and verifyBase() know rsa-v1_5-sha256 and refuse a key of another kind', () => {
  const rsa = generateKeyPairSync('rsa', { modulusLength: 2048 })
  const signature = signBase('rsa-v1_5-sha256', rsa.privateKey, 'base')
  assert.equal(verifyBase('rsa-v1_5-sha256', rsa.publicKey, 'base', signature), true)
  assert.equal(verifyBase('rsa-v1_5-sha256', rsa.publicKey, 'Base', signature), false)
  assert.equal(verifyBase('rsa-pss-sha512', rsa.publicKey, 'base', signature), false)
  assert.equal(verifyBase('hmac-sha256', rsa.publicKey, 'base', signature), false)
  assert.throws(() => signBase('ed25519', rsa.privateKey, 'base'), TypeError)
  assert.throws(() => signBase('hmac-sha256', rsa.privateKey, 'base'), TypeError)
  const secret = createSecretKey(Buffer.from('secret'))
  assert.equal(verifyBase('ecdsa-p256-sha256', secret, 'base', signature), false)
  assert.equal(verifyBase('hmac-sha256', secret, 'base', Buffer.alloc(31)), false)
})

test('matchesContentDigest() wants every digest it knows to be right, and at least one', () => {
  const body = Buffer.from('{"hello": "world"}')
  const sha256 = 'sha-256=:X48E9qOokqqrvdts8nOJRJN3OWDUoyWxBf7kbu9DBPE=:'
  const sha512 = 'sha-512=:WZDPaVn/7XgHaAy8pmojAkGWoRx2UFChF41A2svX+TaPm+AbwAgBWnrIiYllu7BNNyealdVLvRwEmTHWXvJwew==:'
  assert.equal(contentDigest(body), sha256)
  for (const value of [sha256, sha512, `${sha512}, ${sha256}`, `md5=:AAAA:, ${sha256}`]) {
    assert.equal(matchesContentDigest(value, body), true, value)
    assert.equal(matchesContentDigest(value, Buffer.from('{"hello": "World"}')), false, value)
  }
  for (const value of [
    '',
    'md5=:AAAA:',
    'sha-256',
    'sha-256=x',
    'sha-256=:AAAA:',
    `sha-256=:AAAA:, ${sha512}`,
    'sha-256=:A',
  ]) {
    assert.equal(matchesContentDigest(value, body), false, value)
  }
})
