import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { startPop, type Pop } from '@pop-api/testkit'
import { kafka } from '../kafka.ts'

let pop: Pop
const tokens: Record<string, string> = {}

before(async () => {
  pop = await startPop({ modules: [kafka], users: [{ username: 'root', roles: ['admin'] }] })
  for (const { username } of pop.users.users) tokens[username] = await pop.token(username)
  for (const { client_id, client_secret } of pop.users.clients) {
    const { body } = await pop.form('/oauth/token', { grant_type: 'client_credentials', client_id, client_secret })
    tokens[client_id] = String(body['access_token'])
  }
})

after(async () => {
  await pop[Symbol.asyncDispose]()
})

/**
 * Written down from the document's roles and the table of operations, not computed by the policy that it is to test. alice is admin
 * and user, bob user, carol reader, root admin alone, reporter a service client that is reader.
 */
const allowed: Readonly<Record<string, readonly string[]>> = {
  'GET /v1/kafka/topics': ['alice', 'bob', 'carol', 'reporter'],
  'POST /v1/kafka/topics': ['alice', 'bob', 'root'],
  'GET /v1/kafka/topics/none': ['alice', 'bob', 'carol', 'reporter'],
  'PATCH /v1/kafka/topics/none': ['alice', 'bob', 'root'],
  'DELETE /v1/kafka/topics/none': ['alice', 'root'],
  'GET /v1/kafka/topics/none/records': ['alice', 'bob', 'carol', 'reporter'],
  'POST /v1/kafka/topics/none/records': ['alice', 'bob', 'root'],
  'GET /v1/pop/metrics': ['alice', 'root'],
  'GET /v1/pop/settings': ['alice', 'root'],
  'PATCH /v1/pop/settings': ['alice', 'root'],
  'POST /v1/pop/test-tokens': ['alice', 'root'],
  'GET /v1/pop/incidents': ['alice', 'root'],
  'POST /v1/pop/incidents/revocations': ['alice', 'root'],
  'DELETE /v1/pop/incidents/revocations/none': ['alice', 'root'],
  'GET /v1/pop/users': ['alice', 'root'],
  'POST /v1/pop/users': ['alice', 'root'],
  'GET /v1/pop/users/none': ['alice', 'root'],
  'GET /v1/pop/users/none/sessions': ['alice', 'root'],
  'PUT /v1/pop/users/none/roles': ['alice', 'root'],
  'POST /v1/pop/users/none/disable': ['alice', 'root'],
  'POST /v1/pop/users/none/enable': ['alice', 'root'],
  'POST /v1/pop/users/none/unlock': ['alice', 'root'],
  'POST /v1/pop/users/none/reset-password': ['alice', 'root'],
  'POST /v1/pop/users/none/reset-2fa': ['alice', 'root'],
  'POST /v1/pop/users/none/logout': ['alice', 'root'],
  'GET /openapi.json': ['alice', 'bob', 'carol', 'root', 'reporter'],
}
const paths = [...new Set(Object.keys(allowed).map((operation) => operation.split(' ')[1] ?? ''))]
const methods = ['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS', 'TRACE', 'PROPFIND']
const callers = ['alice', 'bob', 'carol', 'root', 'reporter', 'nobody']

test('the table names every operation that the gateway serves', async () => {
  const { body } = await pop.call(tokens['alice'], 'GET', '/openapi.json')
  const served = Object.entries(Object(body['paths'])).flatMap(([path, item]) =>
    Object.keys(Object(item))
      .filter((key) => key !== 'parameters')
      .map((method) => `${method.toUpperCase()} ${path}`),
  )
  const shape = (operation: string): string => operation.replace(/\{(topic|id|user)\}/, 'none')
  assert.deepEqual(served.map(shape).sort(), Object.keys(allowed).sort())
})

for (const caller of callers) {
  for (const target of paths) {
    for (const method of methods) {
      test(`${caller} who sends ${method} ${target} gets what the policy says`, async () => {
        const { status } = await pop.call(tokens[caller], method, target)
        const users = allowed[`${method} ${target}`]
        if (users === undefined) assert.equal(status, 405)
        else if (caller === 'nobody') assert.equal(status, 401)
        // 409: the embedded provider has no users to manage.
        else if (users.includes(caller)) assert.ok([200, 404, 409, 415, 422].includes(status), String(status))
        else assert.equal(status, 403)
      })
    }
  }
}

test('no field turns one method into another', async () => {
  const created = await pop.call(tokens['alice'], 'POST', '/v1/kafka/topics', { topic_name: 'kept' })
  assert.equal(created.status, 201)
  for (const name of ['x-http-method-override', 'x-http-method', 'x-method-override']) {
    const answer = await pop.call(tokens['alice'], 'GET', '/v1/kafka/topics/kept', undefined, { [name]: 'DELETE' })
    assert.equal(answer.status, 200, name)
  }
  assert.equal((await pop.call(tokens['alice'], 'GET', '/v1/kafka/topics/kept')).status, 200)
})

test('no field gives a caller another identity or another target', async () => {
  const names = ['x-forwarded-user', 'x-user', 'x-roles', 'x-original-url', 'x-rewrite-url', 'txn-token', 'pop-request']
  for (const name of names) {
    const answer = await pop.call(tokens['carol'], 'DELETE', '/v1/kafka/topics/kept', undefined, { [name]: 'admin' })
    assert.equal(answer.status, 403, name)
    assert.equal(
      (await pop.call(tokens['carol'], 'GET', '/v1/kafka/topics/kept', undefined, { [name]: 'admin' })).status,
      404,
      name,
    )
  }
})

test('nothing went wrong inside', () => {
  assert.deepEqual(pop.failures, [])
})
