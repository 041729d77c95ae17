import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { setTimeout as pause } from 'node:timers/promises'
import { inspect } from 'node:util'
import { retireKeys, rotateKeys } from '@pop-api/identity'
import { developmentSettings } from '@pop-api/settings'
import { startPop, type Pop } from '@pop-api/testkit'
import { kafka } from '../../kafka.ts'

const topics = '/v1/kafka/topics'
const workers = 6
const minuteMs = 60_000
const rotationMs = 5_000

let pop: Pop

before(async () => {
  // Every worker signs in again and again, and all of them from one address.
  const settings = `${developmentSettings}limits:\n  sign_in_rate: 1000\n  sign_in_burst: 1000\n`
  pop = await startPop({ modules: [kafka], settings })
})

after(async () => {
  await pop[Symbol.asyncDispose]()
})

async function freshToken(): Promise<string> {
  const [client] = pop.users.clients
  const { client_id = '', client_secret = '' } = client ?? {}
  const { status, body } = await pop.form('/oauth/token', {
    grant_type: 'client_credentials',
    client_id,
    client_secret,
  })
  assert.equal(status, 200, `${JSON.stringify(body)}\n${inspect(pop.failures, { depth: 6 })}`)
  return String(body['access_token'])
}

function kidOf(token: string): string {
  // Made by Keycloak: a header is there.
  const { kid } = JSON.parse(Buffer.from(token.split('.')[0] ?? '', 'base64url').toString()) as { readonly kid: string }
  return kid
}

test('a key that rotates every five seconds under load refuses nobody wrongly, for a minute', async (context) => {
  const { realm, admin } = pop.keycloak()
  const keycloak = await admin()
  const stop = new AbortController()
  const statuses = new Map<number, number>()
  const kids = new Set<string>()
  const count = (status: number): void => void statuses.set(status, (statuses.get(status) ?? 0) + 1)
  const work = async (): Promise<void> => {
    while (!stop.signal.aborted) {
      const token = await freshToken()
      kids.add(kidOf(token))
      for (let time = 0; time < 8; time++) {
        count((await pop.call(token, 'GET', topics)).status)
        await pause(25)
      }
    }
  }
  const working = Array.from({ length: workers }, work)
  for (const endMs = performance.now() + minuteMs; performance.now() < endMs;) {
    await rotateKeys(keycloak, realm, Date.now())
    await pause(rotationMs)
  }
  stop.abort()
  await Promise.all(working)
  context.diagnostic(`${JSON.stringify([...statuses])} with ${kids.size} keys`)
  assert.deepEqual([...statuses.keys()], [200])
  assert.ok((statuses.get(200) ?? 0) > 1000)
  assert.ok(kids.size >= 10)
})

test('a token of a key that was retired is refused within two minutes, and one of the new key is taken', async (context) => {
  const { realm, admin } = pop.keycloak()
  const keycloak = await admin()
  const old = await freshToken()
  assert.equal((await pop.call(old, 'GET', topics)).status, 200)
  await rotateKeys(keycloak, realm, Date.now())
  const retired = await retireKeys(keycloak, realm)
  assert.ok(retired.length > 0)
  const startedMs = performance.now()
  let answer = await pop.call(old, 'GET', topics)
  while (answer.status === 200 && performance.now() - startedMs < 2 * minuteMs) {
    await pause(250)
    answer = await pop.call(old, 'GET', topics)
  }
  context.diagnostic(`refused after ${Math.round(performance.now() - startedMs)} ms`)
  assert.equal(answer.status, 401)
  assert.equal((await pop.call(await freshToken(), 'GET', topics)).status, 200)
})

test('the first token of a new key takes the old keys away with it', async () => {
  const { realm, admin } = pop.keycloak()
  const keycloak = await admin()
  const old = await freshToken()
  await rotateKeys(keycloak, realm, Date.now())
  await retireKeys(keycloak, realm)
  const fresh = await freshToken()
  assert.notEqual(kidOf(fresh), kidOf(old))
  assert.equal((await pop.call(fresh, 'GET', topics)).status, 200)
  assert.equal((await pop.call(old, 'GET', topics)).status, 401)
})
