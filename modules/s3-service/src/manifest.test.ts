import assert from 'node:assert/strict'
import { test } from 'node:test'
import { PopError } from '@pop-api/module'
import { defineS3Service } from './definition.ts'
import { openStore } from './driver/test-store.ts'

interface QueryPair {
  readonly name: string
  readonly value: string
}

/** Validates a request as the gateway and the SDK do. */
async function openManifest() {
  const store = await openStore()
  const definition = defineS3Service(store.driver)
  const validated = (method: string, path: string, body = Buffer.of(), query: readonly QueryPair[] = []) => {
    const segments = `v1/s3${path}`.split('/')
    const match = definition.find(method, segments)
    assert.ok(match.kind === 'found', `${method} ${path}`)
    const target = { text: path, segments, query, repeated: [] }
    const headers = body.length === 0 ? [] : ['content-type', 'application/json']
    return match.value.validate({ parameters: match.parameters, target, headers, body })
  }
  return { ...definition, validated, [Symbol.asyncDispose]: store[Symbol.asyncDispose] }
}

const code = (wanted: string) => (error: unknown) => error instanceof PopError && error.code === wanted
const json = (value: unknown) => Buffer.from(JSON.stringify(value))

test('the manifest of s3_service asks for the permissions of the table', async () => {
  await using world = await openManifest()
  const readers = { any: 'view_any_resources', own: 'view_own_resources', public: 'view_public_resources' }
  const asked = world.manifest.operations.map(({ id, requires, resource, stream }) => [
    id,
    requires.module,
    requires.role,
    resource?.effect,
    stream,
  ])
  const object = '/buckets/{bucket}/objects/{key+}'
  const change = { any: 'modify_settings', own: 'create_resource' }
  const expected: readonly (readonly unknown[])[] = [
    ['GET /buckets', 's3.download', readers, 'list', undefined],
    ['PUT /buckets/{bucket}', 's3.upload', 'create_resource', 'create', undefined],
    ['GET /buckets/{bucket}', 's3.download', readers, 'read', undefined],
    ['PATCH /buckets/{bucket}', 's3.upload', change, 'change', undefined],
    ['DELETE /buckets/{bucket}', 's3.delete', 'delete_resource', 'delete', undefined],
    ['GET /buckets/{bucket}/objects', 's3.download', readers, 'read', undefined],
    [`PUT ${object}`, 's3.upload', { own: 'create_resource' }, 'change', 'upload'],
    [`GET ${object}`, 's3.download', readers, 'read', undefined],
    [`HEAD ${object}`, 's3.download', readers, 'read', undefined],
    [`DELETE ${object}`, 's3.delete', 'delete_resource', 'change', undefined],
  ]
  const byId = (rows: readonly (readonly unknown[])[]) =>
    rows.toSorted((a, b) => (String(a[0]) < String(b[0]) ? -1 : 1))
  assert.deepEqual(byId(asked), byId(expected))
})

test('the manifest of s3_service takes the names of buckets that S3 takes, and no other', async () => {
  await using world = await openManifest()
  for (const name of ['abc', 'a.b', '0-0', 'a'.repeat(63), '1.2.3', '1.2.3.4.5', 'a1.2.3.4'])
    world.validated('GET', `/buckets/${name}`)
  const refused = ['ab', 'a'.repeat(64), 'Abc', 'a_b', '-ab', 'ab-', '.ab', 'ab.', 'a..b', '192.168.0.1', 'äbc', 'a b']
  for (const name of refused)
    for (const method of ['PUT', 'GET', 'PATCH', 'DELETE'])
      assert.throws(() => world.validated(method, `/buckets/${name}`, json({})), code('parameter-invalid'), name)
})

test('the manifest of s3_service lets a bucket be made with and without a body', async () => {
  await using world = await openManifest()
  assert.equal(world.validated('PUT', '/buckets/abc').body, undefined)
  for (const body of [{}, { visibility: 'private' }, { visibility: 'public' }])
    assert.deepEqual(world.validated('PUT', '/buckets/abc', json(body)).body, body)
  for (const body of [{ visibility: 'secret' }, { owner: 'user:eve' }, [], null])
    assert.throws(() => world.validated('PUT', '/buckets/abc', json(body)), code('body-invalid'), JSON.stringify(body))
})

test('the manifest of s3_service lets a key span slashes, and a page have 1 to 100 entries', async () => {
  await using world = await openManifest()
  assert.equal(world.validated('GET', '/buckets/abc/objects/a/b/c').parameters['key'], 'a/b/c')
  const listed = (limit: string) =>
    world.validated('GET', '/buckets/abc/objects', undefined, [{ name: 'limit', value: limit }]).query['limit']
  assert.equal(listed('1'), 1)
  assert.equal(listed('100'), 100)
  for (const limit of ['0', '101', '-1', '1.5', ''])
    assert.throws(() => listed(limit), code('parameter-invalid'), limit)
})
