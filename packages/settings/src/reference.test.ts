import assert from 'node:assert/strict'
import { test } from 'node:test'
import { settingsReference } from './reference.ts'
import { keysWithoutEffect } from './schema.ts'

test('settingsReference() describes every key in words', () => {
  const keys = settingsReference()
  assert.ok(keys.length > 25, String(keys.length))
  assert.deepEqual(
    keys.filter(({ description }) => description === '').map(({ key }) => key),
    [],
  )
  assert.deepEqual(
    keys.find(({ key }) => key === 'limits.caller_rate'),
    {
      key: 'limits.caller_rate',
      type: 'from 1',
      byDefault: '200',
      description: 'Requests a second that one caller may go on with.',
      isLive: true,
    },
  )
})

test('keysWithoutEffect names keys that exist', () => {
  const keys = settingsReference().map(({ key }) => key)
  for (const without of keysWithoutEffect)
    assert.ok(
      keys.some((key) => `${key}.`.startsWith(`${without}.`)),
      without,
    )
})
