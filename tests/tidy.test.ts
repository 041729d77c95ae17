import assert from 'node:assert/strict'
import { basename } from 'node:path'
import { test } from 'node:test'
import { sources } from './tree.ts'

const files = sources()
const isTest = (path: string): boolean => /\.(test|live)\.ts$/.test(path)

function offenders(wrong: (path: string, text: string) => boolean): string[] {
  return files.filter(({ path, text }) => wrong(path, text)).map(({ path }) => path)
}

test('the tidy rules see the whole tree', () => {
  assert.ok(files.length > 120, `only ${files.length} files`)
})

test('a file has at most 400 lines, a test 800', () => {
  assert.deepEqual(
    offenders((path, text) => text.split('\n').length > (isTest(path) ? 800 : 400)),
    [],
  )
})

test('a file is named in kebab case and for one idea', () => {
  const vague = /^(utils?|helpers?|common|manager|misc)\b/
  assert.deepEqual(
    offenders(
      (path) => !/^[a-z0-9-]+(\.test|\.live|\.test-d|\.d)?\.ts$/.test(basename(path)) || vague.test(basename(path)),
    ),
    [],
  )
})

test('no test is skipped, alone or left for later', () => {
  const marks = [/\b(test|it|describe)\.(skip|only|todo)\b/, /\bskip: *true/]
  assert.deepEqual(
    offenders((path, text) => isTest(path) && path !== 'tests/tidy.test.ts' && marks.some((mark) => mark.test(text))),
    [],
  )
})

test('no error is swallowed by an empty catch', () => {
  assert.deepEqual(
    offenders((_path, text) => /catch *(\([a-zA-Z_]*\))? *\{\s*\}/.test(text)),
    [],
  )
})

test('a control or reordering character stands in a source only as its escape', () => {
  const hidden = new RegExp(
    '[\\u0000-\\u0008\\u000b-\\u001f\\u007f-\\u009f\\u200e\\u200f\\u202a-\\u202e\\u2066-\\u2069\\ufeff]',
  )
  assert.deepEqual(
    offenders((_path, text) => hidden.test(text)),
    [],
  )
})
