import assert from 'node:assert/strict'
import { test } from 'node:test'
import { PopError } from '@pop-api/protocol'
import type { Visibility } from './book/resource.ts'
import { notes } from './test-notes.ts'
import { startWorld, type TestWorld } from './test-world.ts'

type Word = 'any' | 'own' | 'public'

const words: readonly Word[] = ['any', 'own', 'public']
const bob = 'user:bob'
const eve = 'user:eve'

const operations = {
  read: { method: 'GET', operation: 'GET /items/{note}', permission: 'notes.read', status: 200 },
  change: { method: 'PATCH', operation: 'PATCH /items/{note}', permission: 'notes.write', status: 200, json: {} },
  delete: { method: 'DELETE', operation: 'DELETE /items/{note}', permission: 'notes.delete', status: 204 },
} as const

async function holdNote(world: TestWorld, id: string, owner: string, visibility: Visibility): Promise<void> {
  const created = await world.call({
    method: 'POST',
    target: '/v1/notes/items',
    operation: 'POST /items',
    scope: 'notes.write:any',
    subject: owner,
    json: { note: id, visibility },
  })
  assert.equal(created.status, 201)
}

function expected(word: Word, owner: string, visibility: Visibility): boolean {
  return word === 'any' || (word === 'own' && owner === bob) || (word === 'public' && visibility === 'public')
}

for (const [effect, { permission, status, ...operation }] of Object.entries(operations)) {
  test(`act() admits to ${effect} by the scope alone, and hides the rest`, async () => {
    const { definition, reached } = notes()
    await using world = await startWorld(definition)
    let number = 0
    for (const word of words) {
      for (const owner of [bob, eve]) {
        for (const visibility of ['private', 'public'] as const) {
          const id = `n${++number}`
          await holdNote(world, id, owner, visibility)
          reached.length = 0
          const call = { ...operation, target: `/v1/notes/items/${id}`, subject: bob }
          // A word of another permission, or of another operation's, admits nothing.
          const foreign = await world.call({ ...call, scope: 'notes.other:any' })
          assert.equal(foreign.json['code'], 'permission-denied')
          const answer = await world.call({ ...call, scope: `notes.other:any ${permission}:${word}` })
          const admits = expected(word, owner, visibility)
          assert.equal(answer.status, admits ? status : 404, `${word} ${owner} ${visibility}`)
          assert.equal(reached.length, admits ? 1 : 0)
        }
      }
    }
  })
}

test('act() says 403 with the decision for what the caller may know of and not do', async () => {
  await using world = await startWorld(notes().definition)
  await holdNote(world, 'open', eve, 'public')
  await holdNote(world, 'hidden', eve, 'private')
  const call = { ...operations.change, subject: bob, scope: 'notes.write:own notes.read:own notes.read:public' }
  const known = await world.call({ ...call, target: '/v1/notes/items/open' })
  assert.deepEqual([known.status, known.json['code']], [403, 'permission-denied'])
  assert.match(String(known.json['decision']), /^dec-/)
  for (const id of ['hidden', 'absent']) {
    const unknown = await world.call({ ...call, target: `/v1/notes/items/${id}` })
    assert.deepEqual(
      [unknown.status, unknown.json['code'], unknown.json['decision']],
      [404, 'resource-not-found', undefined],
    )
  }
})

test('act() lists the admitted alone, page by page', async () => {
  await using world = await startWorld(notes().definition)
  for (const [id, owner, visibility] of [
    ['a', bob, 'private'],
    ['b', eve, 'private'],
    ['c', eve, 'public'],
    ['d', bob, 'public'],
    ['e', bob, 'private'],
  ] as const)
    await holdNote(world, id, owner, visibility)
  const list = async (scope: string, query = '') => {
    const target = `/v1/notes/items${query}`
    return world.call({ method: 'GET', target, operation: 'GET /items', scope, subject: bob })
  }
  const ids = async (scope: string) => JSON.stringify((await list(scope)).json['data'])
  assert.equal(await ids('notes.read:any'), '[{"note":"a"},{"note":"b"},{"note":"c"},{"note":"d"},{"note":"e"}]')
  assert.equal(await ids('notes.read:own'), '[{"note":"a"},{"note":"d"},{"note":"e"}]')
  assert.equal(await ids('notes.read:public'), '[{"note":"c"},{"note":"d"}]')
  assert.equal(await ids('notes.read:own notes.read:public'), '[{"note":"a"},{"note":"c"},{"note":"d"},{"note":"e"}]')
  const first = await list('notes.read:own', '?limit=2')
  assert.deepEqual(first.json['data'], [{ note: 'a' }, { note: 'd' }])
  const second = await list('notes.read:own', `?limit=2&page_token=${String(first.json['next_page_token'])}`)
  assert.deepEqual(second.json, { data: [{ note: 'e' }] })
  assert.equal((await list('notes.read:own', '?page_token=!!')).json['code'], 'ambiguous-target')
  assert.equal((await list('notes.read:own', '?page_token=a')).json['code'], 'parameter-invalid')
  assert.equal((await list('notes.read:own', '?limit=101')).json['code'], 'parameter-invalid')
})

test('act() fails a list whose handler answers with what was not admitted', async () => {
  const { definition } = notes({ list: () => ({ status: 200, body: { data: [{ note: 'b' }] } }) })
  await using world = await startWorld(definition)
  await holdNote(world, 'b', eve, 'private')
  const call = { method: 'GET', target: '/v1/notes/items', operation: 'GET /items', scope: 'notes.read:own' }
  assert.equal((await world.call(call)).json['code'], 'internal')
})

test('act() ends a page before the item that an answer cannot hold, and goes on with it on the next', async () => {
  const text = 'ä'.repeat(30_000)
  const { definition } = notes({
    list: ({ page }) => ({
      status: 200,
      body: { total: 9, data: page?.resources.map(({ id }) => ({ note: id, text })) },
    }),
  })
  await using world = await startWorld(definition)
  const ids = ['a', 'b', 'c', 'd', 'e', 'f', 'g', 'h', 'i']
  for (const id of ids) await holdNote(world, id, bob, 'private')
  const list = async (query: string) => {
    const target = `/v1/notes/items${query}`
    return world.call({ method: 'GET', target, operation: 'GET /items', scope: 'notes.read:own', subject: bob })
  }
  const seen: unknown[] = []
  let query = '?limit=9'
  for (let pages = 0; pages < 3; pages += 1) {
    const { status, json } = await list(query)
    assert.equal(status, 200)
    assert.equal(json['total'], 9)
    assert.ok(Buffer.byteLength(JSON.stringify(json)) <= 256 * 1024)
    // The handler above answers with this member.
    const data = json['data'] as readonly { readonly note: string }[]
    assert.equal(data.length, pages < 2 ? 4 : 1)
    seen.push(...data.map(({ note }) => note))
    query = `?limit=9&page_token=${String(json['next_page_token'])}`
    assert.equal(json['next_page_token'] === undefined, pages === 2)
  }
  assert.deepEqual(seen, ids)
  assert.deepEqual(world.faults, [])
})

test('act() streams a list of which not one item fits, or whose items are not in the order of the page', async () => {
  const long = 'x'.repeat(300_000)
  for (const list of [
    (ids: readonly string[]) => ids.map((note) => ({ note, long })),
    (ids: readonly string[]) => ids.toReversed().map((note) => ({ note, long: long.slice(100_000) })),
  ]) {
    const { definition } = notes({
      list: ({ page }) => ({ status: 200, body: { data: list(page?.resources.map(({ id }) => id) ?? []) } }),
    })
    await using world = await startWorld(definition)
    for (const id of ['a', 'b']) await holdNote(world, id, bob, 'private')
    const call = { method: 'GET', target: '/v1/notes/items', operation: 'GET /items', scope: 'notes.read:own' }
    const { status, sealed, body } = await world.call({ ...call, subject: bob })
    assert.deepEqual([status, sealed, body.length > 256 * 1024], [200, true, true])
    assert.deepEqual(world.faults, [])
  }
})

test('act() takes a new visibility only from a change that succeeded', async () => {
  const { definition } = notes({
    get: ({ book, resource }) => ({ status: 200, body: { ...resource, book: book === undefined } }),
  })
  await using world = await startWorld(definition)
  await holdNote(world, 'a', bob, 'private')
  const patch = { ...operations.change, target: '/v1/notes/items/a', scope: 'notes.write:own', subject: bob }
  await world.call({ ...patch, json: { visibility: 'loud' } })
  assert.equal(world.book.find('note', 'a')?.visibility, 'private')
  await world.call({ ...patch, json: { visibility: 'public' } })
  const read = await world.call({
    ...operations.read,
    target: '/v1/notes/items/a',
    scope: 'notes.read:public',
    subject: eve,
  })
  assert.deepEqual([read.json['visibility'], read.json['book']], ['public', true])
})

test('act() lets exactly one of parallel creations win', async () => {
  const { definition, reached } = notes({
    create: async ({ resource }) => {
      await new Promise((resolve) => setImmediate(resolve))
      return { status: 201, body: resource }
    },
  })
  await using world = await startWorld(definition)
  const create = { method: 'POST', target: '/v1/notes/items', operation: 'POST /items', scope: 'notes.write:any' }
  const answers = await Promise.all(
    Array.from({ length: 8 }, (_, index) => world.call({ ...create, subject: `user:u${index}`, json: { note: 'a' } })),
  )
  assert.deepEqual(
    answers.map(({ status }) => status).sort((one, other) => one - other),
    [201, 409, 409, 409, 409, 409, 409, 409],
  )
  assert.equal(reached.length, 1)
})

test('act() gives a name free again when its creation failed', async () => {
  let failing = true
  const { definition } = notes({
    create: () => {
      if (failing) throw new Error('no room')
      return { status: 201, body: {} }
    },
  })
  await using world = await startWorld(definition)
  const create = {
    method: 'POST',
    target: '/v1/notes/items',
    operation: 'POST /items',
    scope: 'notes.write:any',
    json: { note: 'a' },
  }
  assert.equal((await world.call(create)).status, 500)
  assert.equal(world.book.find('note', 'a'), undefined)
  failing = false
  assert.equal((await world.call({ ...create, scope: 'notes.write:public' })).json['code'], 'permission-denied')
  assert.equal((await world.call(create)).status, 201)
})

test('act() keeps the entry of a deletion that failed, and lets go of one that the module does not know', async () => {
  let failure: Error = new Error('busy')
  const { definition } = notes({
    remove: () => {
      throw failure
    },
  })
  await using world = await startWorld(definition)
  await holdNote(world, 'a', bob, 'private')
  const remove = { ...operations.delete, target: '/v1/notes/items/a', scope: 'notes.delete:any' }
  assert.equal((await world.call(remove)).status, 500)
  assert.notEqual(world.book.find('note', 'a'), undefined)
  failure = new PopError('resource-not-found', 'gone')
  assert.equal((await world.call(remove)).status, 404)
  assert.equal(world.book.find('note', 'a'), undefined)
})
