import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { readAudit } from '@pop-api/audit'
import { developmentSettings } from '@pop-api/settings'
import { exchange, startPop, type Pop } from '@pop-api/testkit'
import { kafka } from '../kafka.ts'

let pop: Pop
const tokens: Record<string, string> = {}

before(async () => {
  pop = await startPop({ modules: [kafka] })
  for (const { username } of pop.users.users) tokens[username] = await pop.token(username)
})

after(async () => {
  await pop[Symbol.asyncDispose]()
})

interface Described {
  readonly paths: Readonly<Record<string, Readonly<Record<string, unknown>>>>
}

async function describe(user: string): Promise<Described> {
  const { body } = await pop.call(tokens[user], 'GET', '/openapi.json')
  // The document that is looked at below.
  return body as unknown as Described
}

test('GET /openapi.json shows a caller what it may call, and no word of what decides about it', async () => {
  const methods = (document: Described, path: string): string[] =>
    Object.keys(document.paths[path] ?? {}).filter((key) => key !== 'parameters')
  const carol = await describe('carol')
  assert.deepEqual(methods(carol, '/v1/kafka/topics'), ['get'])
  assert.deepEqual(methods(carol, '/v1/pop/metrics'), [])
  const alice = await describe('alice')
  assert.deepEqual(methods(alice, '/v1/kafka/topics/{topic}').sort(), ['delete', 'get', 'patch'])
  assert.deepEqual(methods(alice, '/v1/pop/metrics'), ['get'])
  assert.doesNotMatch(JSON.stringify(alice), /x-pop-(requires|resource|calls)/)
})

test('GET /openapi.json names every component that it refers to', async () => {
  const document = await describe('alice')
  const text = JSON.stringify(document)
  const references = [...text.matchAll(/"\$ref":"#\/([^"]+)"/g)].map(([, path = '']) => path)
  assert.ok(references.length > 5, String(references.length))
  for (const reference of new Set(references)) {
    const found = reference.split('/').reduce<unknown>((at, key) => Object(at)[key], document)
    assert.notEqual(found, undefined, reference)
  }
})

test('GET /v1/pop/metrics counts answers and refusals, under names that no client can make', async () => {
  await pop.call(tokens['carol'], 'DELETE', '/v1/kafka/topics/none')
  await pop.call(undefined, 'GET', '/v1/kafka/topics/made-up-by-a-client')
  await pop.raw('GET /.. HTTP/1.1\r\nHost: localhost\r\n\r\n')
  const { status, body } = await pop.call(tokens['alice'], 'GET', '/v1/pop/metrics')
  assert.equal(status, 200)
  const text = JSON.stringify(body)
  assert.match(text, /\{"service":"kafka_service","operation":"DELETE \/topics\/\{topic\}","status":"403","count":1\}/)
  assert.match(text, /\{"stage":"permit","code":"permission-denied","count":1\}/)
  assert.match(text, /\{"stage":"receive","code":"ambiguous-target","count":1\}/)
  assert.match(text, /\{"stage":"identify","code":"credential-missing","count":1\}/)
  assert.doesNotMatch(text, /made-up/)
  const prometheus = await (await fetch(`${pop.operations}/metrics`)).text()
  assert.match(
    prometheus,
    /pop_requests_total\{service="kafka_service",operation="DELETE \/topics\/\{topic\}",status="403"\} 1/,
  )
})

test('GET /v1/pop/settings shows what is in force, and not where secrets lie', async () => {
  const { status, body } = await pop.call(tokens['alice'], 'GET', '/v1/pop/settings')
  assert.equal(status, 200)
  assert.deepEqual(Object.keys(body).sort(), [
    'environment',
    'grants',
    'identity',
    'limits',
    'listeners',
    'live',
    'lockout',
    'log',
    'mode',
    'module_permissions',
    'operators',
    'overlay',
    'protocol',
    'roles',
    'security_config',
  ])
  assert.doesNotMatch(JSON.stringify(body), /secret|ca\.pem/)
})

test('the operations listener says that the gateway is ready', async () => {
  const answer = await fetch(`${pop.operations}/readyz`)
  assert.equal(answer.status, 200, await answer.text())
})

test('other settings are in force as soon as they are published', async () => {
  await pop.changeSettings((settings) => ({
    ...settings,
    limits: { ...settings.limits, caller_rate: 1, caller_burst: 1 },
  }))
  const statuses: number[] = []
  for (let index = 0; index < 4; index++)
    statuses.push((await pop.call(tokens['bob'], 'GET', '/v1/kafka/topics')).status)
  assert.equal(statuses[0], 200)
  assert.ok(statuses.includes(429), String(statuses))
  const limited = await pop.call(tokens['bob'], 'GET', '/v1/kafka/topics')
  assert.match(String(limited.headers['retry-after']), /^[12]$/)
  assert.equal((await pop.call(tokens['carol'], 'GET', '/v1/kafka/topics')).status, 200)
})

test('nothing went wrong inside', () => {
  assert.deepEqual(pop.failures, [])
})

test('where the settings require TLS everywhere the operations listener speaks it too', async () => {
  const strict = developmentSettings.replace(/(development:\n +require_mTLS:) false/, '$1 true')
  assert.notEqual(strict, developmentSettings)
  await using other = await startPop({ settings: strict })
  assert.match(other.operations, /^https:/)
  const { status } = await exchange({ method: 'GET', origin: other.operations, path: '/livez', ca: other.ca })
  assert.equal(status, 200)
})

test('a stranger who is refused again and again is counted, and does not fill the log', async () => {
  const strict = `${developmentSettings}limits:\n  sign_in_rate: 1\n  sign_in_burst: 5\n`
  await using other = await startPop({ settings: strict })
  const refused = await Promise.all(Array.from({ length: 40 }, () => other.call(undefined, 'GET', '/v1/pop/metrics')))
  assert.ok(refused.every(({ status }) => status === 401))
  await new Promise((resolve) => setTimeout(resolve, 1100))
  const single = (await other.audit('gateway')).length
  const counted = await Array.fromAsync(readAudit(`${other.home}/gateway/refusals`))
  assert.ok(single >= 5 && single < 10, String(single))
  assert.equal(single + counted.reduce((sum, { count = 0 }) => sum + count, 0), 40)
})

test('every try against an account stands in the log by itself, whatever else its sender is refused', async () => {
  const strict = `${developmentSettings}limits:\n  sign_in_rate: 1\n  sign_in_burst: 6\n`
  await using other = await startPop({ settings: strict })
  await Promise.all(Array.from({ length: 20 }, () => other.call(undefined, 'GET', '/nothing')))
  for (let index = 0; index < 5; index++) await other.signIn('carol', { password: 'wrong' })
  const tries = (await other.audit('gateway')).filter(({ action }) => action === 'sign_in')
  assert.deepEqual(
    tries.map(({ status, resource_id: account }) => `${status} ${account}`),
    Array.from({ length: 5 }, () => 'refused carol'),
  )
})
