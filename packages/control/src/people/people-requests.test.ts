import assert from 'node:assert/strict'
import { test } from 'node:test'
import { readAddRequest } from './people-requests.ts'

const unusable: readonly (readonly [string, string])[] = [
  ['with an invisible character', 'a\u200blice'],
  ['that turns the text around', '\u202ealice'],
  ['in letters of full width', '\uff21lice'],
  ['with a letter in two parts', 'zoe\u0308'],
  ['of two scripts', '\u0430lice'],
  ['of two scripts that look alike', 'p\u03b1ul'],
  ['with the digits of another script', 'bob\u0661'],
  ['with a space in it', 'alice smith'],
  ['with a sign that is neither letter nor digit', 'alice\u2024smith'],
  ['with a line in it', 'alice\nbob'],
  ['with space around it', ' alice'],
  ['like an id', '11111111-2222-4333-8444-555555555555'],
  ['like an id in capitals', '1111111A-2222-4333-8444-555555555555'],
  ['like that of a client', 'SERVICE-account-x'],
]
for (const [name, username] of unusable) {
  test(`readAddRequest() refuses a username ${name}`, () => {
    assert.throws(() => readAddRequest({ username }, 12), { name: 'PopError', code: 'body-invalid' })
  })
}

test('readAddRequest() takes names of people', () => {
  for (const username of [
    'alice',
    'zo\u00eb',
    'ann@example.org',
    'a.b_c+d-9',
    '\u5c71\u7530',
    '\u0430\u043d\u043d\u0430',
  ])
    assert.equal(readAddRequest({ username }, 12).username, username)
})
