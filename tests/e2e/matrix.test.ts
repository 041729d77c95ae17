import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { openPath, type PathWorld } from './path-world.ts'

let path: PathWorld
const tokens: Record<string, string> = {}

before(async () => {
  path = await openPath()
  for (const { username } of path.users) tokens[username] = await path.signIn(username)
})
after(async () => {
  await path[Symbol.asyncDispose]()
})

/** Written down from the document's roles and the table of operations, not computed by the policy that it is to test. */
const allowed: Readonly<Record<string, readonly string[]>> = {
  'GET /topics': ['alice', 'bob', 'carol'],
  'POST /topics': ['alice', 'bob'],
  'GET /topics/none': ['alice', 'bob', 'carol'],
  'PATCH /topics/none': ['alice', 'bob'],
  'DELETE /topics/none': ['alice'],
  'GET /topics/none/records': ['alice', 'bob', 'carol'],
  'POST /topics/none/records': ['alice', 'bob'],
}
const paths = ['/topics', '/topics/none', '/topics/none/records']
const methods = ['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS', 'TRACE', 'PROPFIND']

for (const user of ['alice', 'bob', 'carol', 'nobody']) {
  for (const target of paths) {
    for (const method of methods) {
      test(`${user} who sends ${method} ${target} gets what the policy says`, async () => {
        const { status } = await path.call(tokens[user], method, `/v1/kafka${target}`)
        const users = allowed[`${method} ${target}`]
        if (users === undefined) assert.equal(status, 405)
        else if (user === 'nobody') assert.equal(status, 401)
        else if (users.includes(user)) assert.ok([200, 404, 422].includes(status), String(status))
        else assert.equal(status, 403)
      })
    }
  }
}

test('no field turns one method into another', async () => {
  const created = await path.call(tokens['alice'], 'POST', '/v1/kafka/topics', { topic_name: 'kept' })
  assert.equal(created.status, 201)
  for (const name of ['x-http-method-override', 'x-http-method', 'x-method-override']) {
    const answer = await path.call(tokens['alice'], 'GET', '/v1/kafka/topics/kept', undefined, { [name]: 'DELETE' })
    assert.equal(answer.status, 200, name)
  }
  assert.equal((await path.call(tokens['alice'], 'GET', '/v1/kafka/topics/kept')).status, 200)
})

test('no field gives a caller another identity or another target', async () => {
  const names = ['x-forwarded-user', 'x-user', 'x-roles', 'x-original-url', 'x-rewrite-url', 'txn-token', 'pop-request']
  for (const name of names) {
    const answer = await path.call(tokens['carol'], 'DELETE', '/v1/kafka/topics/kept', undefined, { [name]: 'admin' })
    assert.equal(answer.status, 403, name)
    assert.equal(
      (await path.call(tokens['carol'], 'GET', '/v1/kafka/topics/kept', undefined, { [name]: 'admin' })).status,
      404,
      name,
    )
  }
})

test('nothing went wrong inside', () => {
  assert.deepEqual(path.failures, [])
})
