import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { after, before, test } from 'node:test'
import { defineKafkaService, manifest, openSqliteDriver } from '@pop-api/kafka-service'
import { startPop, type Pop } from '@pop-api/testkit'
import { totpCode } from '../dev/totp.ts'
import { gatewayOperations } from '../policy/gateway-operations.ts'
import { aroundPop, type Around, type Tried } from './try-pop.ts'

let pop: Pop
let around: Around
const program = new URL('../../bin/pop.ts', import.meta.url).pathname

before(async () => {
  const open = (home: string) => {
    const driver = openSqliteDriver(join(home, 'topics.db'), Date.now)
    return { definition: defineKafkaService(driver), [Symbol.dispose]: () => driver[Symbol.dispose]() }
  }
  pop = await startPop({ modules: [{ name: 'kafka_service', manifest, open }] })
  around = await aroundPop()
  await writeFile(join(around.folder, 'ca.pem'), pop.ca)
})

after(async () => {
  await around[Symbol.asyncDispose]()
  await pop[Symbol.asyncDispose]()
})

/** `pop` as a process of its own. */
async function popProcess(words: readonly string[], stdin = ''): Promise<Tried> {
  const { PATH, NODE_OPTIONS } = process.env
  const options = ['--gateway', pop.gateway, '--ca', join(around.folder, 'ca.pem'), '--home', pop.home]
  const child = spawn(process.execPath, [program, ...options, ...words], {
    env: { ...around.environment, PATH, NODE_OPTIONS },
  })
  child.stdin.end(stdin)
  const [stdout, stderr, [code]] = await Promise.all([
    Array.fromAsync(child.stdout.setEncoding('utf8')),
    Array.fromAsync(child.stderr.setEncoding('utf8')),
    once(child, 'exit'),
  ])
  return { code: Number(code), stdout: stdout.join(''), stderr: stderr.join('') }
}

test('a person signs in, calls, is refused with reasons, and signs out', async () => {
  const alice = pop.users.users.find(({ username }) => username === 'alice')
  assert.ok(alice !== undefined)
  const { code } = totpCode(alice.totp_secret ?? '', Date.now())
  const login = await popProcess(['login', '--user', 'alice', '--password-stdin', '--code', code], alice.password)
  assert.equal(login.code, 0, login.stderr)
  assert.match(login.stdout, /^Signed in at https:\/\/localhost:\d+ as alice \(roles: .+\)\.\n/)

  const body = JSON.stringify({ topic_name: 'orders' })
  const created = await popProcess(['call', 'POST', '/v1/kafka/topics', '--data', body])
  assert.equal(created.code, 0, created.stderr)
  assert.equal(JSON.parse(created.stdout).topic_name, 'orders')

  const invalid = await popProcess(['call', 'POST', '/v1/kafka/topics', '--data', '{"topic_name": 7}'])
  assert.equal(invalid.code, 1)
  assert.equal(invalid.stdout, '')
  assert.match(invalid.stderr, /^pop: 422 body-invalid: The body does not match/)
  assert.match(invalid.stderr, /\n +\/topic_name: must be string\n/)
  assert.match(invalid.stderr, /\n +Request: /)

  const dots = await popProcess(['call', 'GET', '/v1/kafka/../topics'])
  assert.match(dots.stderr, /^pop: 400 ambiguous-target/)

  const listed = await popProcess(['operations'])
  assert.match(listed.stdout, /^METHOD +PATH +MODULE +SUMMARY\n/)
  assert.match(listed.stdout, /\nPOST +\/v1\/kafka\/topics +kafka_service /)

  const all: readonly { method: string; path: string; module: string }[] = JSON.parse(
    (await popProcess(['operations', '--json'])).stdout,
  )
  const own = all.filter(({ module, path }) => module === 'gateway' && path !== '/openapi.json')
  assert.deepEqual(
    own.map(({ method, path }) => `${method} ${path}`).sort(),
    gatewayOperations.map(({ id }) => id).sort(),
  )

  const tail = await popProcess(['audit', 'tail', '--user', 'alice', '-n', '100'])
  assert.match(tail.stdout, / gateway +kafka_service +alice +resource_creation +- +success 201 /)
  assert.match(tail.stdout, / kafka_service +kafka_service +alice +resource_creation +orders +success/)

  const raw = await popProcess(['token', 'show', '--raw'])
  const [, refused = ''] = /^ +Request: (.+)$/m.exec(invalid.stderr) ?? []
  assert.match((await popProcess(['explain', refused])).stdout, /^Refused by the gateway: .+ 422 body-invalid: /s)
  const listedEvents = await popProcess(['audit', 'tail', '--action', 'resource_creation', '-n', '0', '--json'])
  const [announced] = listedEvents.stdout
    .trimEnd()
    .split('\n')
    .map((line) => JSON.parse(line))
  const explained = (await popProcess(['explain', announced.txn])).stdout
  assert.match(explained, /^Passed: alice – POST \/v1\/kafka\/topics\n/)
  assert.match(
    explained,
    /resource +orders\npolicy +allowed: create_resource by the role admin; kafka\.create by a grant/,
  )
  assert.match(explained, /module +kafka_service: POST \/topics: success 201, /)

  const logout = await popProcess(['logout'])
  assert.equal(logout.code, 0, logout.stderr)
  const header = `Authorization: Bearer ${raw.stdout.trim()}`
  const ended = await popProcess(['call', 'GET', '/v1/kafka/topics', '--header', header])
  assert.match(ended.stderr, /^pop: 401 token-revoked/)
  assert.equal((await popProcess(['call', 'GET', '/v1/kafka/topics'])).code, 2)
})

test('a service client signs in with its secret and has nothing to renew', async () => {
  const [client] = pop.users.clients
  assert.ok(client !== undefined)
  const words = ['login', '--client-id', client.client_id, '--client-secret-stdin', '--json']
  const login = await popProcess(words, `${client.client_secret}\n`)
  assert.equal(login.code, 0, login.stderr)
  assert.equal(JSON.parse(login.stdout).renewable, false)
  assert.equal((await popProcess(['call', 'GET', '/v1/kafka/topics'])).code, 0)
  assert.equal((await popProcess(['logout'])).code, 0)
})

test('a sign-in that is refused keeps nothing', async () => {
  const words = ['login', '--user', 'bob', '--password-stdin', '--code', '000000']
  const refused = await popProcess(words, 'wrong')
  assert.equal(refused.code, 1)
  assert.match(refused.stderr, /^pop: 400 sign-in-refused: Sign-in was refused\n +The credentials are not valid\.\n/)
  assert.equal((await popProcess(['token', 'show'])).code, 2)
})
