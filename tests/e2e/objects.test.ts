import assert from 'node:assert/strict'
import { createHash, randomBytes } from 'node:crypto'
import { once } from 'node:events'
import { request as startRequest } from 'node:https'
import { after, before, test } from 'node:test'
import { startPop, type Pop } from '@pop-api/testkit'
import { s3 } from '../s3.ts'

let pop: Pop
const tokens: Record<string, string> = {}

before(async () => {
  pop = await startPop({ modules: [s3] })
  for (const { username } of pop.users.users) tokens[username] = await pop.token(username)
  for (const name of ['bobs', 'open'])
    assert.equal((await pop.call(tokens['bob'], 'PUT', `/v1/s3/buckets/${name}`)).status, 201)
  await pop.call(tokens['bob'], 'PATCH', '/v1/s3/buckets/open', { visibility: 'public' })
})

after(async () => {
  await pop[Symbol.asyncDispose]()
})

interface Answer {
  readonly status: number
  readonly fields: Readonly<Record<string, string | string[] | undefined>>
  readonly bytes: Buffer
}

/** A call with bytes instead of JSON. */
async function send(
  user: string,
  method: string,
  path: string,
  body?: Buffer,
  fields: Readonly<Record<string, string>> = {},
): Promise<Answer> {
  const { hostname: host, port } = new URL(pop.gateway)
  const length = body === undefined ? {} : { 'content-length': String(body.length) }
  const headers = { authorization: `Bearer ${tokens[user]}`, ...length, ...fields }
  const request = startRequest({
    host,
    port,
    method,
    path: `/v1/s3/buckets/${path}`,
    ca: pop.ca,
    agent: false,
    headers,
  })
  request.end(body)
  const [response] = await once(request, 'response')
  const bytes = Buffer.concat(await Array.fromAsync(response as AsyncIterable<Buffer>))
  return { status: response.statusCode, fields: response.headers, bytes }
}

test('an object of a megabyte goes up, comes back whole and in parts, and is told by HEAD', async () => {
  const content = randomBytes(1_000_000)
  const etag = `"${createHash('sha256').update(content).digest('base64url')}"`
  const put = await send('bob', 'PUT', 'bobs/objects/a/b%20c/%C3%A4.bin', content, { 'content-type': 'image/png' })
  assert.deepEqual([put.status, put.fields['etag']], [201, etag])
  assert.deepEqual(JSON.parse(put.bytes.toString())['key'], 'a/b c/ä.bin')
  const get = await send('bob', 'GET', 'bobs/objects/a/b%20c/%C3%A4.bin')
  assert.deepEqual(
    [get.status, get.fields['content-type'], get.fields['content-length']],
    [200, 'image/png', '1000000'],
  )
  assert.deepEqual(get.bytes, content)
  const part = await send('bob', 'GET', 'bobs/objects/a/b%20c/%C3%A4.bin', undefined, { range: 'bytes=65530-465544' })
  assert.deepEqual([part.status, part.fields['content-range']], [206, 'bytes 65530-465544/1000000'])
  assert.deepEqual(part.bytes, content.subarray(65_530, 465_545))
  const head = await send('bob', 'HEAD', 'bobs/objects/a/b%20c/%C3%A4.bin')
  assert.deepEqual([head.status, head.fields['etag'], head.fields['content-length']], [200, etag, '1000000'])
  const beyond = await send('bob', 'GET', 'bobs/objects/a/b%20c/%C3%A4.bin', undefined, { range: 'bytes=1000000-' })
  assert.deepEqual([beyond.status, beyond.fields['content-range']], [416, 'bytes */1000000'])
})

test('conditions are obeyed: 304 for what the client has, 412 for what is not what it meant', async () => {
  const { fields } = await send('bob', 'PUT', 'bobs/objects/c', Buffer.from('one'))
  const etag = String(fields['etag'])
  const same = await send('bob', 'GET', 'bobs/objects/c', undefined, { 'if-none-match': etag })
  assert.deepEqual([same.status, same.bytes.length, same.fields['etag']], [304, 0, etag])
  const taken = await send('bob', 'PUT', 'bobs/objects/c', Buffer.from('two'), { 'if-none-match': '*' })
  assert.equal(taken.status, 412)
  const stale = await send('bob', 'PUT', 'bobs/objects/c', Buffer.from('two'), { 'if-match': '"other"' })
  assert.equal(stale.status, 412)
  const right = await send('bob', 'PUT', 'bobs/objects/c', Buffer.from('two'), { 'if-match': etag })
  assert.equal(right.status, 200)
  assert.equal((await send('bob', 'GET', 'bobs/objects/c')).bytes.toString(), 'two')
})

test('a part of an object never replaces the whole', async () => {
  await send('bob', 'PUT', 'parts')
  await send('bob', 'PUT', 'parts/objects/whole', Buffer.from('hello'))
  const part = await send('bob', 'PUT', 'parts/objects/whole', Buffer.from('HE'), { 'content-range': 'bytes 0-1/5' })
  assert.equal(part.status, 400)
  assert.equal((await send('bob', 'GET', 'parts/objects/whole')).bytes.toString(), 'hello')
})

test('objects are listed in the order of their keys, with prefix, delimiter and pages', async () => {
  for (const key of ['l/1', 'l/2', 'l/x/1', 'l/x/2']) await send('bob', 'PUT', `bobs/objects/${key}`, Buffer.from(key))
  const list = await pop.call(tokens['bob'], 'GET', '/v1/s3/buckets/bobs/objects?prefix=l%2F&delimiter=%2F&limit=2')
  assert.deepEqual([list.status, keysOf(list.body), list.body['common_prefixes']], [200, ['l/1', 'l/2'], []])
  const next = `&page_token=${String(list.body['next_page_token'])}`
  const rest = await pop.call(tokens['bob'], 'GET', `/v1/s3/buckets/bobs/objects?prefix=l%2F&delimiter=%2F${next}`)
  assert.deepEqual([keysOf(rest.body), rest.body['common_prefixes']], [[], ['l/x/']])
  const wrong = await pop.call(tokens['bob'], 'GET', '/v1/s3/buckets/bobs/objects?page_token=%21')
  assert.equal(wrong.status, 400)
})

function keysOf(body: Readonly<Record<string, unknown>>): readonly string[] {
  return (body['data'] as readonly { readonly key: string }[]).map(({ key }) => key)
}

test('a reader sees objects of a public bucket and nothing of a private one, and changes neither', async () => {
  await send('bob', 'PUT', 'open/objects/shown', Buffer.from('for all'))
  await send('bob', 'PUT', 'bobs/objects/hidden', Buffer.from('for bob'))
  assert.equal((await send('carol', 'GET', 'open/objects/shown')).bytes.toString(), 'for all')
  for (const [method, path, status] of [
    ['GET', 'bobs/objects/hidden', 404],
    ['HEAD', 'bobs/objects/hidden', 404],
    ['GET', 'bobs/objects', 404],
    ['GET', 'bobs', 404],
    ['DELETE', 'open/objects/shown', 403],
    ['PATCH', 'open', 403],
  ] as const) {
    const body = method === 'PATCH' ? Buffer.from('{"visibility":"private"}') : undefined
    const fields = method === 'PATCH' ? { 'content-type': 'application/json' } : {}
    assert.equal((await send('carol', method, path, body, fields)).status, status, `${method} ${path}`)
  }
  assert.equal((await send('carol', 'PUT', 'open/objects/hers', Buffer.from('x'))).status, 403)
  const buckets = await pop.call(tokens['carol'], 'GET', '/v1/s3/buckets')
  assert.deepEqual(
    (buckets.body['data'] as readonly { readonly name: string }[]).map(({ name }) => name),
    ['open'],
  )
})

test('an admin, who may modify settings, still puts nothing into the bucket of somebody else', async () => {
  assert.equal((await send('alice', 'PUT', 'bobs/objects/alices', Buffer.from('x'))).status, 404)
  assert.equal((await send('alice', 'PUT', 'open/objects/alices', Buffer.from('x'))).status, 404)
})

test('a bucket is deleted once it is empty, by who may', async () => {
  await pop.call(tokens['bob'], 'PUT', '/v1/s3/buckets/gone', { visibility: 'public' })
  await send('bob', 'PUT', 'gone/objects/a', Buffer.from('x'))
  assert.equal((await pop.call(tokens['bob'], 'DELETE', '/v1/s3/buckets/gone')).status, 403)
  assert.equal((await pop.call(tokens['alice'], 'DELETE', '/v1/s3/buckets/gone')).status, 409)
  assert.equal((await send('alice', 'DELETE', 'gone/objects/a')).status, 204)
  assert.equal((await pop.call(tokens['alice'], 'DELETE', '/v1/s3/buckets/gone')).status, 204)
  assert.equal((await pop.call(tokens['bob'], 'GET', '/v1/s3/buckets/gone')).status, 404)
})

test('keys and names that could be read in two ways are refused', async () => {
  for (const path of [
    'bobs/objects/a//b',
    'bobs/objects/../b',
    'bobs/objects/a%2Fb',
    'bobs/objects/%2e%2e/x',
    'bobs/objects/a%00',
  ])
    assert.equal((await send('bob', 'GET', path)).status, 400, path)
  for (const name of ['Upper', 'a', 'under_score', '-x', 'x'.repeat(64)])
    assert.equal((await pop.call(tokens['bob'], 'PUT', `/v1/s3/buckets/${name}`)).status, 400, name)
  assert.equal((await send('bob', 'PUT', `bobs/objects/${'%C3%A4'.repeat(600)}`, Buffer.from('x'))).status, 400)
  const encoded = await send('bob', 'PUT', 'bobs/objects/zip', Buffer.from('x'), { 'content-encoding': 'gzip' })
  assert.equal(encoded.status, 415)
})

test('nothing inside went wrong', () => {
  assert.deepEqual(pop.failures, [])
})
