import assert from 'node:assert/strict'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { PopError, type ManifestDocument } from '@pop-api/protocol'
import { joinModule } from '@pop-api/workload'
import { manifestOf, startTestControl } from '../test-world.ts'
import { openStore } from '../store/store.ts'
import { approveManifest, moduleEntries, takeManifest } from './modules.ts'

const good = manifestOf('notes', '/v1/notes')

/** The manifest with another operation, whose body has this schema. */
function withBody(schema: object): ManifestDocument {
  const requires = { role: 'view_own_resources', module: 'notes.consume' }
  const requestBody = { content: { 'application/json': { schema } } }
  const paths = { ...Object(good['paths']), '/x': { post: { 'x-pop-requires': requires, requestBody } } }
  return { ...good, paths }
}

function isInvalid(detail: RegExp): (error: unknown) => boolean {
  return (error) => error instanceof PopError && error.code === 'manifest-invalid' && detail.test(error.message)
}

const poisoned: readonly (readonly [string, object, RegExp])[] = [
  ['of no type that there is', { type: 'nonsense' }, /POST \/x: .*type/],
  ['with a word that nobody knows', { tpye: 'string' }, /POST \/x: .*tpye/],
  ['with a reference that leads nowhere', { $ref: '#/components/schemas/Gone' }, /POST \/x: .*Gone/],
  ['with a pattern that backtracks', { type: 'string', pattern: '^(a+)+$', maxLength: 64 }, /steps/],
]

for (const [name, schema, detail] of poisoned) {
  test(`control refuses a manifest with a schema ${name}, at enrolment and at renewal`, async () => {
    await using world = await startTestControl()
    const boot = await world.boot('notes', 'module')
    await assert.rejects(joinModule(boot, withBody(schema)), isInvalid(detail))
    await (await joinModule(boot, good))[Symbol.asyncDispose]()
    await assert.rejects(joinModule(boot, withBody(schema)), isInvalid(detail))
    await using member = await joinModule(boot, withBody({ type: 'string' }))
    assert.deepEqual(Object.keys(member.bulletin.section('modules') ?? {}), ['notes'])
  })
}

test('takeManifest() names every operation that does not compile', async () => {
  await using world = await newStore()
  const { store } = world
  const [one, two] = [withBody({ type: 'nonsense' }), withBody({ $ref: '#/gone' })]
  const paths = { ...Object(one['paths']), '/y': Object(two['paths'])['/x'] }
  assert.throws(() => takeManifest(store, 'notes', { ...good, paths }, true), isInvalid(/POST \/x: .*POST \/y: /))
})

test('takeManifest() tells a module nothing of the one whose base it wants', async () => {
  await using world = await newStore()
  const { store } = world
  takeManifest(store, 'secret_service', manifestOf('secret_service', '/v1/secret/inner'), true)
  for (const base of ['/v1/secret', '/v1/secret/inner', '/v1/secret/inner/more']) {
    assert.throws(
      () => takeManifest(store, 'notes', manifestOf('notes', base), true),
      (error) => isInvalid(/is taken/)(error) && !/secret_service/.test(String(error)) && countOf(error, 'inner') < 2,
    )
  }
})

function countOf(error: unknown, word: string): number {
  return String(error).split(word).length - 1
}

test('a manifest of an earlier version that would be refused now can be replaced, but not without approval', async () => {
  await using world = await newStore()
  const { store } = world
  const old = JSON.stringify(withBody({ type: 'nonsense' }))
  const insert = 'insert into modules (name, base, manifest, digest) values (?, ?, ?, ?)'
  store.database.prepare(insert).run('notes', '/v1/notes', old, 'sha-256:old')
  const mended = withBody({ type: 'object' })
  assert.equal(takeManifest(store, 'notes', mended, false), 'active', 'nothing that is pinned changed')
  const worse = JSON.stringify(withBody({ pattern: '^(a+)+$' }))
  store.database.prepare('update modules set manifest = ?, digest = ?').run(worse, 'sha-256:old')
  assert.equal(takeManifest(store, 'notes', good, false), 'pending')
  assert.equal(approveManifest(store, 'notes'), true)
  assert.deepEqual(moduleEntries(store)['notes']?.manifest, good)
  store.database.prepare('update modules set pending = ?, pending_digest = ?').run(old, 'sha-256:old')
  assert.throws(() => approveManifest(store, 'notes'), isInvalid(/POST \/x/))
})

async function newStore() {
  const folder = await mkdtemp(join(tmpdir(), 'pop-modules-'))
  const store = openStore(join(folder, 'state.db'))
  return {
    store,
    [Symbol.asyncDispose]: async () => {
      store[Symbol.dispose]()
      await rm(folder, { recursive: true })
    },
  }
}
