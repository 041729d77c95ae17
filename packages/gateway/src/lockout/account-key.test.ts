import assert from 'node:assert/strict'
import { test } from 'node:test'
import { accountKey, spellingOf } from './account-key.ts'

const one: readonly (readonly [string, readonly string[]])[] = [
  ['case', ['bob', 'BOB', 'bOb']],
  ['space around it, of every kind', ['bob', ' bob', 'bob ', '\tbob\n', '\u00a0bob\u3000', 'bob\u2028']],
  ['full width and other compatibility forms', ['bob', 'ｂｏｂ', 'ＢＯＢ', '𝐛𝐨𝐛', 'ⓑⓞⓑ']],
  ['what is not seen', ['bob', 'b\u200bob', 'bo\u00adb', '\ufeffbob', 'bob\u0000', 'b\u202eob', 'bob\ufe0f']],
  ['composed and decomposed letters', ['zoë', 'zoe\u0308', 'ZOË']],
  ['accents, which databases fold', ['zoe', 'zoë', 'zöé']],
  ['the Kelvin sign, the long s, the dotless i', ['kiss', '\u212aiss', 'ki\u017fs', 'k\u0131ss', 'K\u0130SS']],
  ['ß', ['strasse', 'straße', 'STRASSE', 'STRAẞE']],
  ['both sigmas', ['ΣΑΣ', 'σας', 'σασ']],
  ['ligatures', ['office', 'oﬃce']],
]
for (const [name, spellings] of one) {
  test(`accountKey() is one whatever ${name}, and spellingOf() tells the spellings apart`, () => {
    assert.equal(new Set(spellings.map(accountKey)).size, 1)
    assert.equal(new Set(spellings.map(spellingOf)).size, spellings.length)
  })
}

test('accountKey() tells accounts apart, and is of one length for any name', () => {
  const names = ['bob', 'bobby', 'b0b', 'bob@example.org', 'bob.', '', '*', 'x'.repeat(16_000), '__proto__', 'боб']
  const keys = names.map(accountKey)
  assert.equal(new Set(keys).size, names.length)
  for (const key of keys) assert.match(key, /^[\w-]{22}$/)
})
