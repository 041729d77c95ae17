import assert from 'node:assert/strict'
import { PassThrough } from 'node:stream'
import { text } from 'node:stream/consumers'
import { test } from 'node:test'
import { openOutput } from '../print/output.ts'
import { showUsers } from './show-user.ts'

test('showUsers() spells out a name that could be taken for another, and says of whom nothing can be done', async () => {
  const stream = new PassThrough()
  const out = openOutput(stream, {})
  const users = [
    { id: '1', username: 'alice', enabled: true },
    { id: '2', username: '\u0430lice', username_escaped: '\\u{430}lice', enabled: false },
    { id: '-', username: '-', enabled: true, unusable: 'its id is none that can be used here' },
  ]
  await showUsers(users, out)
  stream.end()
  const [, ...rows] = (await text(stream)).trimEnd().split('\n')
  assert.deepEqual(
    rows.map((row) => row.split(/ {2,}/)),
    [
      ['alice', '-', '-', 'enabled', '1'],
      ['\u0430lice (\\u{430}lice)', '-', '-', 'disabled', '2'],
      ['-', '-', '-', 'its id is none that can be used here', '-'],
    ],
  )
})
