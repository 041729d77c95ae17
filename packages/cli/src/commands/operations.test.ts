import assert from 'node:assert/strict'
import { test } from 'node:test'
import { makeSessionFolder, writeSession } from '../client/session.ts'
import { listOperations } from './operations.ts'
import { answerJson, standInGateway } from './stand-in-gateway.ts'
import { aroundPop } from './try-pop.ts'

const paths = {
  '/v1/b': {
    post: { operationId: 'create', summary: 'Make \u001b[31mone', 'x-pop-module': 'kafka_service' },
    parameters: [],
  },
  '/v1/a': { get: { summary: 'List' } },
}
const listed = [
  { method: 'GET', path: '/v1/a', operation_id: '', summary: 'List', module: '' },
  { method: 'POST', path: '/v1/b', operation_id: 'create', summary: 'Make \u001b[31mone', module: 'kafka_service' },
]

test('listOperations() gives the operations by path, and nothing of what is none', () => {
  assert.deepEqual(listOperations({ paths }), listed)
  assert.deepEqual(listOperations({ paths: { '/x': 7, '/y': { get: 'no' } } }), [])
  assert.deepEqual(listOperations({}), [])
})

test('pop operations asks with the token, and prints a table or a list', async () => {
  await using around = await aroundPop()
  await using gateway = await standInGateway(around.folder, (_seen, response) => answerJson(response, 200, { paths }))
  await makeSessionFolder(around.environment)
  const expiresAtMs = Date.now() + 600_000
  const session = {
    gateway: gateway.origin,
    accessToken: 'a.b.c',
    refreshToken: undefined,
    expiresAtMs,
    scope: undefined,
  }
  await writeSession(around.environment, session)
  const { code, stdout } = await around.pop(['operations', ...gateway.options])
  assert.equal(code, 0)
  assert.equal(gateway.seen[0]?.url, '/openapi.json')
  assert.equal(gateway.seen[0]?.headers['authorization'], 'Bearer a.b.c')
  assert.match(
    stdout,
    /^METHOD {2}PATH {3}MODULE {9}SUMMARY\nGET {5}\/v1\/a {17}List\nPOST {4}\/v1\/b {2}kafka_service {2}Make \\u001b\[31mone\n$/,
  )
  const narrow = await around.pop(['operations', ...gateway.options], { columns: 80 })
  assert.match(narrow.stdout, /METHOD {2}PATH {3}SUMMARY/)
  assert.match((await around.pop(['operations', ...gateway.options], { columns: 120 })).stdout, /PATH {3}MODULE/)
  assert.deepEqual(JSON.parse((await around.pop(['operations', '--json', ...gateway.options])).stdout), listed)
})

test('pop operations refuses what is no OpenAPI document', async () => {
  await using around = await aroundPop()
  await using gateway = await standInGateway(around.folder, (_seen, response) => answerJson(response, 200, []))
  await makeSessionFolder(around.environment)
  const expiresAtMs = Date.now() + 600_000
  const session = {
    gateway: gateway.origin,
    accessToken: 'a.b.c',
    refreshToken: undefined,
    expiresAtMs,
    scope: undefined,
  }
  await writeSession(around.environment, session)
  const { code, stderr } = await around.pop(['operations', ...gateway.options])
  assert.equal(code, 1)
  assert.match(stderr, /is no OpenAPI document with paths/)
})
