import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { AuditEvent } from './event.ts'
import { formatLine, parseLine, printable } from './line.ts'

const event = (user: string): AuditEvent => ({
  timestamp: '2026-01-01T00:00:00.000Z',
  action: 'sign_in',
  user,
  service: 'gateway',
  resource_id: '-',
  ip_address: '127.0.0.1',
  status: 'refused',
})

/** What a terminal obeys, or what makes two different names look alike. */
const unseen: readonly (readonly [string, string])[] = [
  ['a line feed', '\n'],
  ['an escape', '\u001b'],
  ['DEL', '\u007f'],
  ['next line', '\u0085'],
  ['a soft hyphen', '\u00ad'],
  ['the grapheme joiner', '\u034f'],
  ['the Arabic letter mark', '\u061c'],
  ['a Hangul filler', '\u3164'],
  ['the Mongolian vowel separator', '\u180e'],
  ['a space of no width', '\u200b'],
  ['the non-joiner', '\u200c'],
  ['the joiner', '\u200d'],
  ['the left-to-right mark', '\u200e'],
  ['a line separator', '\u2028'],
  ['an override of direction', '\u202e'],
  ['the word joiner', '\u2060'],
  ['an isolate', '\u2066'],
  ['a variation selector', '\ufe0f'],
  ['the byte order mark', '\ufeff'],
  ['an interlinear anchor', '\ufff9'],
  ['a tag', '\u{e0041}'],
  ['half a surrogate pair', '\ud800'],
]

for (const [name, character] of unseen) {
  test(`formatLine() and printable() write ${name} as its escape`, () => {
    const text = `bob${character}x`
    const line = formatLine(event(text))
    assert.match(line, /^[\u0020-\u007e]*\n$/)
    assert.equal(parseLine(line)?.user, text)
    assert.match(printable(text), /^bob(\\u[0-9a-f]{4}){1,2}x$/)
    assert.equal(JSON.parse(`"${printable(text)}"`), text)
  })
}

test('formatLine() and printable() leave what can be seen as it is', () => {
  const text = 'Zoë Łukasz 王小明 علي עדה 😀 e\u0301 ~'
  assert.equal(printable(text), text)
  assert.ok(formatLine(event(text)).includes(`"${text}"`))
})

test('formatLine() cuts a long text and says so, also in the middle of a character', () => {
  const line = formatLine(event(`${'x'.repeat(2047)}😀`))
  assert.match(line, /^[\u0020-\u007e…]*\n$/)
  assert.match(String(parseLine(line)?.user), /… \(cut\)$/)
})
