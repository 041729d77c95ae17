import assert from 'node:assert/strict'
import { test } from 'node:test'
import { developmentSettings } from '@pop-api/settings'
import { startPop } from '@pop-api/testkit'
import { defineNotes, manifest } from './notes.ts'

// Who may use the module: roles carry the permissions that its manifest declares.
const settings = `${developmentSettings}
grants:
  user: [notes.read, notes.write]
  reader: [notes.read]
`

const notes = {
  name: 'notes',
  manifest,
  open: () => ({ definition: defineNotes(), [Symbol.dispose]: () => undefined }),
}

test('a note is for its writer until it is public, and its deletion for the writer alone', async () => {
  await using pop = await startPop({ modules: [notes], settings })
  const [bob, carol] = [await pop.token('bob'), await pop.token('carol')]

  assert.equal((await pop.call(bob, 'POST', '/v1/notes', { name: 'plan', text: 'secret' })).status, 201)
  assert.deepEqual((await pop.call(bob, 'GET', '/v1/notes/plan')).body, { text: 'secret' })
  assert.equal((await pop.call(carol, 'GET', '/v1/notes/plan')).status, 404)

  const open = { name: 'news', text: 'for all', visibility: 'public' }
  assert.equal((await pop.call(bob, 'POST', '/v1/notes', open)).status, 201)
  assert.equal((await pop.call(carol, 'GET', '/v1/notes/news')).status, 200)
  assert.equal((await pop.call(carol, 'DELETE', '/v1/notes/news')).status, 403)
  assert.equal((await pop.call(bob, 'DELETE', '/v1/notes/news')).status, 204)

  const events = await pop.audit('notes')
  assert.deepEqual(
    events.filter(({ status }) => status === 'success').map(({ user, action }) => `${user} ${action}`),
    [
      'bob resource_creation',
      'bob resource_read',
      'bob resource_creation',
      'carol resource_read',
      'bob resource_deletion',
    ],
  )
})

test('what does not match the schema never reaches a handler', async () => {
  await using pop = await startPop({ modules: [notes], settings })
  const bob = await pop.token('bob')
  for (const body of [{ name: 'No Capitals', text: '' }, { name: 'a' }, { name: 'a', text: 'b', owner: 'alice' }])
    assert.equal((await pop.call(bob, 'POST', '/v1/notes', body)).status, 422)
  assert.deepEqual(await pop.audit('notes'), [])
})
