import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { normalTargetUri } from './target-uri.ts'

test('normalTargetUri() gives one spelling to what RFC 3986 says is one address', () => {
  for (const [uri, normal] of [
    ['https://a.example', 'https://a.example/'],
    ['https://a.example/', 'https://a.example/'],
    ['https://A.Example:443/x', 'https://a.example/x'],
    ['https://a.example:/x', 'https://a.example/x'],
    ['https://a.example:8443/x?y=1', 'https://a.example:8443/x'],
    ['https://a.example?y', 'https://a.example/'],
    ['https://a.example#y', 'https://a.example/'],
    ['https://[::1]:8443/x', 'https://[::1]:8443/x'],
    ['https://a.example/%7eb%C3%a9', 'https://a.example/~b%C3%A9'],
    ['https://a.example/a:b', 'https://a.example/a%3Ab'],
  ] as const)
    assert.equal(normalTargetUri(uri), normal, uri)
})

test('normalTargetUri() gives nothing for what is another scheme, no address, or two', () => {
  for (const uri of [
    '',
    '/x',
    'http://a.example/',
    'https:a.example/',
    'https:///x',
    'https://user@a.example/',
    'https://a.example@b.example/',
    'https://a.example\\@b.example/',
    'https://a.example:x/',
    'https://a.example:100000/',
    'https://a.example/../x',
    'https://a.example/%2e%2e/x',
    'https://a.example/a%2fb',
    'https://a.example//x',
    'https://a.example/é',
    'https://a.example/x\n',
    ' https://a.example/',
    'https://a_b.example/',
    `https://a.example/${'a'.repeat(9000)}`,
  ])
    assert.equal(normalTargetUri(uri), undefined, uri)
})

test('normalTargetUri() leaves its own answer as it is', () => {
  fc.assert(
    fc.property(fc.webUrl({ validSchemes: ['https'], withQueryParameters: true }), (uri) => {
      const normal = normalTargetUri(uri)
      if (normal !== undefined) assert.equal(normalTargetUri(normal), normal)
    }),
  )
})
