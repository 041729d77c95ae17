import assert from 'node:assert/strict'
import { PassThrough, Writable } from 'node:stream'
import { test } from 'node:test'
import fc from 'fast-check'
import { loadSettings, developmentSettings } from '@pop-api/settings'
import { CommandFailure, exitCodes } from '../command-failure.ts'
import { cutToWidth, displayWidth } from './display-width.ts'
import { compactJson, indentJson } from './json-text.ts'
import { openOutput, type Output } from './output.ts'
import { outline } from './outline.ts'
import { problemLines, problemTitle } from './problem-lines.ts'
import { printableLines } from './safe-text.ts'
import { layTable } from './table.ts'
import { tellFailure } from './tell-failure.ts'
import { readableTime } from './time.ts'

function collected(columns?: number, environment: NodeJS.ProcessEnv = {}): Output & { readonly text: () => string } {
  const stream = new PassThrough()
  const terminal = columns === undefined ? {} : { isTTY: true, columns }
  return { ...openOutput(Object.assign(stream, terminal), environment), text: () => String(stream.read() ?? '') }
}

test('printableLines() keeps line ends and tabs and escapes what acts on a terminal', () => {
  assert.equal(printableLines('a\tb\r\nc'), 'a\tb\nc')
  assert.equal(printableLines('\u001b[2J\u009b\u202e\r'), '\\u001b[2J\\u009b\\u202e\\u000d')
})

test('displayWidth() counts the cells of a terminal', () => {
  const cases: readonly (readonly [string, number])[] = [
    ['', 0],
    ['topic', 5],
    ['e\u0301', 1],
    ['日本', 4],
    ['🙂', 2],
  ]
  for (const [text, cells] of cases) assert.equal(displayWidth(text), cells, text)
})

test('cutToWidth() gives what fits, and says that there was more', () => {
  assert.equal(cutToWidth('orders', 6), 'orders')
  assert.equal(cutToWidth('orders', 5), 'orde…')
  assert.equal(cutToWidth('日本語', 4), '日…')
})

test('layTable() aligns columns, cuts at the width of a terminal and nowhere else', () => {
  const columns = [{ title: 'NAME' }, { title: 'MS', align: 'right' as const }]
  const rows = [
    ['日本', '7'],
    ['a\u001bb', '1234'],
  ]
  const plain = layTable(columns, rows, collected())
  assert.deepEqual([plain.head, ...plain.rows], ['NAME        MS', '日本         7', 'a\\u001bb  1234'])
  assert.deepEqual(layTable(columns, rows, collected(10)).rows, ['日本     …', 'a\\u001bb …'])
})

test('openOutput() paints on a terminal only, and not against NO_COLOR or TERM=dumb', () => {
  assert.equal(collected(80).paint('red', 'x'), '\u001b[31mx\u001b[39m')
  assert.equal(collected(80, { NO_COLOR: '' }).paint('red', 'x'), '\u001b[31mx\u001b[39m')
  assert.equal(collected(80, { NO_COLOR: '1' }).paint('red', 'x'), 'x')
  assert.equal(collected(80, { TERM: 'dumb' }).paint('red', 'x'), 'x')
  assert.equal(collected().paint('red', 'x'), 'x')
})

function failing(code: string): Writable {
  return new Writable({ write: (_chunk, _encoding, done) => done(Object.assign(new Error(code), { code })) })
}

test('openOutput() takes a reader that went away for the end, and says so', async () => {
  using output = openOutput(failing('EPIPE'), {})
  await output.writeLine('x')
  assert.equal(output.closed.aborted, true)
  await output.writeLine('y')
})

test('openOutput() rejects for a disk that is full', async () => {
  using output = openOutput(failing('ENOSPC'), {})
  await assert.rejects(output.writeLine('x'), { name: 'CommandFailure', exitCode: exitCodes.usage, message: /ENOSPC/ })
  assert.equal(output.closed.aborted, false)
})

test('indentJson() changes nothing but white space', () => {
  const text = '{"b":12345678901234567890,"10":[],"b":{"c":"x: {,}\\"y"},"a":[1,-0.10e5,{}]}'
  assert.equal(
    indentJson(text),
    `{
  "b": 12345678901234567890,
  "10": [],
  "b": {
    "c": "x: {,}\\"y"
  },
  "a": [
    1,
    -0.10e5,
    {}
  ]
}`,
  )
  assert.equal(compactJson(indentJson(text) ?? ''), text)
})

test('indentJson() of any value is what JSON.stringify() makes of it', () => {
  fc.assert(
    fc.property(fc.jsonValue(), (value) => {
      const text = JSON.stringify(value)
      assert.equal(indentJson(text), JSON.stringify(JSON.parse(text), undefined, 2))
      assert.equal(compactJson(` ${text}\n`), text)
    }),
  )
})

test('indentJson() and compactJson() give nothing for what is not JSON', () => {
  for (const text of ['', '{', '{"a":1}{', 'x']) {
    assert.equal(indentJson(text), undefined)
    assert.equal(compactJson(text), undefined)
  }
})

test('outline() writes settings that read back as the same settings', () => {
  const loaded = loadSettings(developmentSettings)
  assert.ok(loaded.ok)
  const { mode: _mode, ...settings } = loaded.settings
  const again = loadSettings(outline(settings))
  assert.ok(again.ok)
  assert.deepEqual(again.settings, loaded.settings)
})

test('outline() quotes what YAML would read as something else', () => {
  assert.equal(
    outline({ a: 'yes', b: '7', c: 'x: y', 'd e': [], f: ['a, b'] }),
    'a: "yes"\nb: "7"\nc: "x: y"\nd e: []\nf: ["a, b"]\n',
  )
})

test('problemLines() tells detail, faults, advice and ids, all printable', () => {
  const problem = {
    title: 'The body does not match',
    detail: 'One \u001b[31mfault',
    code: 'body-invalid',
    errors: [{ pointer: '/a', message: 'must be string' }, { message: 'must be object' }, 'noise'],
    request_id: 'r-1',
    decision: 'd-1',
  }
  assert.deepEqual(problemLines(problem), [
    'One \\u001b[31mfault',
    '  /a: must be string',
    '  (the body): must be object',
    'Request: r-1',
    'Decision: d-1',
  ])
  const { errors: _errors, ...alone } = problem
  assert.ok(problemLines(alone).includes('Next: See the member `errors`.'))
  assert.equal(problemTitle(422, problem), '422 body-invalid: The body does not match')
})

test('problemLines() does not speak of a body where a parameter is at fault', () => {
  const problem = { code: 'parameter-invalid', errors: [{ pointer: '', message: 'must be >= 1' }], advice: 'Compare.' }
  assert.deepEqual(problemLines(problem), ['  must be >= 1', 'Next: Compare.'])
})

test('openOutput() takes 80 columns for a terminal that does not know its width', () => {
  assert.equal(collected(0).columns, 80)
  assert.equal(collected(7).columns, 7)
  assert.equal(collected().columns, undefined)
})

test('problemLines() says nothing that is not there, and believes no type', () => {
  assert.deepEqual(problemLines({ title: 'x', detail: 'x', code: 'toString', errors: {}, request_id: 7 }), [])
  assert.equal(problemTitle(500, { title: 7 }), '500')
  assert.equal(problemTitle(400, { error: 'invalid_grant', title: 'No' }), '400 invalid_grant: No')
})

test('readableTime() says how far a moment is', () => {
  const now = Date.UTC(2026, 0, 1)
  assert.equal(readableTime(now + 59_000, now), '2026-01-01 00:00:59Z (in 59 s)')
  assert.equal(readableTime(now - 3 * 3_600_000, now), '2025-12-31 21:00:00Z (3 h ago)')
  assert.equal(readableTime(now + 5 * 86_400_000, now), '2026-01-06 00:00:00Z (in 5 days)')
})

test('tellFailure() writes lines for people and one document for programs', async () => {
  const failure = new CommandFailure(exitCodes.refused, '403 no\u0007', { problem: { detail: 'because' } })
  const people = collected()
  await tellFailure(failure, people, false)
  assert.equal(people.text(), 'pop: 403 no\\u0007\n     because\n')
  const programs = collected()
  await tellFailure(failure, programs, true)
  assert.deepEqual(JSON.parse(programs.text()), {
    message: '403 no\u0007',
    exit_code: 1,
    problem: { detail: 'because' },
  })
})
