import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { patternFault } from './pattern.ts'

const accepted: readonly (readonly [pattern: string, charactersMax: number])[] = [
  ['^[A-Za-z0-9][A-Za-z0-9._-]{0,248}$', Infinity],
  ['^[a-z0-9-]{1,40}$', Infinity],
  ['^(?:[A-Za-z0-9+/]{4})*(?:[A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?$', 131_072],
  ['^(?:(?:\\d{1,3})\\.){3}\\d{1,3}$', Infinity],
  ['^\\d{4}-\\d{2}-\\d{2}(T\\d{2}:\\d{2}Z)?$', Infinity],
  ['^(red|green|blue)$', Infinity],
  ['^[^@]+@[^@]+$', 254],
  ['^a*b*$', 512],
  ['a+', 512],
  ['^\\p{Lu}[\\p{L}\\u{1F600}\\]}]*?\\x41\\u0041\\cA$', 4096],
  ['^(?<year>[0-9]{4})$|^never$', Infinity],
  ['^(?:ab)+$', 4096],
  ['', 4096],
  ['^😀{3}[😀]+\\uD83D\\uDE00{2}$', 4096],
]

for (const [pattern, charactersMax] of accepted) {
  test(`patternFault() takes ${pattern} on at most ${charactersMax} characters`, () => {
    assert.equal(patternFault(pattern, charactersMax), undefined)
  })
}

const refused: readonly (readonly [pattern: string, charactersMax: number, fault: RegExp])[] = [
  ['^(a+)+$', 30, /steps/],
  ['(a+)+', 30, /steps/],
  ['^([a-z]+)*$', 30, /steps/],
  ['^(a*)*$', 30, /steps/],
  ['^(?:a|a)*$', 30, /steps/],
  ['^(a|aa)+$', 40, /steps/],
  ['^(?<x>a|a?)+$', 30, /steps/],
  ['^(.*a){20}$', 40, /steps/],
  ['^(a?){30}a{30}$', Infinity, /steps/],
  [`^${'a?'.repeat(30)}${'a'.repeat(30)}$`, Infinity, /steps/],
  ['^(?:(?:a{0,9}){0,9}){0,9}b$', Infinity, /steps/],
  ['^([a-zA-Z0-9])(([\\-.]|[_]+)?([a-zA-Z0-9]+))*(@){1}[a-z0-9]+[.]{1}$', 254, /steps/],
  ['^a*a*b$', 4096, /steps/],
  ['^.*.*=.*$', 512, /steps/],
  ['a*b', 4096, /steps/],
  ['\\s+$', 4096, /steps/],
  ['^a|b*c', 4096, /steps/],
  ['^a{0,4000}a{0,4000}b$', 4096, /steps/],
  ['^a*$', Infinity, /maxLength/],
  ['a', Infinity, /maxLength/],
  ['^[a-z]+$', Infinity, /maxLength/],
  ['^(a)\\1$', 10, /backreference/],
  ['^(?<x>a)\\k<x>$', 10, /backreference/],
  ['^(?=a)a$', 10, /looks around/],
  ['^(?!a)b$', 10, /looks around/],
  ['^(?<=a)b$', 10, /looks around/],
  ['^(?<!a)b$', 10, /looks around/],
  ['^(?i:a)$', 10, /group/],
  ['^(a$', 10, /not a regular expression/],
  ['^a{2,1}$', 10, /not a regular expression/],
  ['^\\-$', 10, /not a regular expression/],
  ['a'.repeat(1025), 10, /1024 characters/],
]

for (const [pattern, charactersMax, fault] of refused) {
  test(`patternFault() refuses ${pattern.slice(0, 70)} on at most ${charactersMax} characters`, () => {
    assert.match(patternFault(pattern, charactersMax) ?? 'taken', fault)
  })
}

test('patternFault() reads every pattern that the engine reads, and bounds what it takes', () => {
  const piece = fc.constantFrom(
    ...'ab.^$|()[]{}*+?\\dwbp123,-:<=!'.split(''),
    '(?:',
    '{1,3}',
    '{2}',
    '[^a]',
    '\\d',
    'a*',
  )
  fc.assert(
    fc.property(fc.array(piece, { maxLength: 14 }), (pieces) => {
      const pattern = pieces.join('')
      if (patternFault(pattern, 24) !== undefined) return
      // Nothing that is taken may be slow: this would not end within the test's time if it were.
      for (const text of ['a'.repeat(24), 'ab'.repeat(12), '1a'.repeat(11) + '!']) new RegExp(pattern, 'u').test(text)
    }),
    { numRuns: 3000 },
  )
})
