import assert from 'node:assert/strict'
import { test } from 'node:test'
import { setTimeout as pause } from 'node:timers/promises'
import type { ClientAnswer } from '@pop-api/testkit'
import { clientOf, signIn } from './client.ts'
import { startSupervised, type Supervised } from './supervised.ts'
import { isAlive } from './up-world.ts'

const records = '/v1/kafka/topics/kept/records'

/** Writes numbered records one after another, and notes which were acknowledged. */
function startWriting(pop: Supervised, token: string) {
  const acknowledged: number[] = []
  const { call } = clientOf(pop)
  const stop = new AbortController()
  const writing = (async () => {
    for (let number = 0; !stop.signal.aborted; number++) {
      const body = { records: [{ value: { type: 'JSON', data: number } }] }
      // A connection that was refused or cut is what is being tested; the record then simply is not acknowledged.
      const answer = await call(token, 'POST', records, body).catch(() => undefined)
      if (answer?.status === 200) acknowledged.push(number)
      else await pause(20)
    }
  })()
  return {
    acknowledged,
    /** Waits until one more record was acknowledged. */
    goesOn: async () => {
      const before = acknowledged.length
      while (acknowledged.length <= before) await pause(10)
    },
    stop: async () => {
      stop.abort()
      await writing
      return acknowledged
    },
  }
}

/** Asks again while nobody listens: between the end of a process and its next start there is nobody to answer. */
async function answered(ask: () => Promise<ClientAnswer>): Promise<ClientAnswer> {
  for (;;) {
    const answer = await ask().catch(() => undefined)
    if (answer !== undefined) return answer
    await pause(20)
  }
}

async function readAll(pop: Supervised, token: string): Promise<number[]> {
  const { call } = clientOf(pop)
  const found: number[] = []
  for (let offset = 0; ;) {
    const { status, body } = await call(token, 'GET', `${records}?partition_id=0&offset=${offset}&limit=500`)
    assert.equal(status, 200)
    const data = body['data']
    assert.ok(Array.isArray(data))
    if (data.length === 0) return found
    found.push(...data.map((record) => record.value.data))
    offset = Number(body['next_offset'])
  }
}

test('whatever is killed, signed-in clients go on and nothing acknowledged is lost', async () => {
  await using pop = await startSupervised()
  const signedIn = await signIn(pop, 'bob')
  assert.equal(signedIn.status, 200, JSON.stringify(signedIn.body))
  const token = String(signedIn.body['access_token'])
  const created = await clientOf(pop).call(token, 'POST', '/v1/kafka/topics', { topic_name: 'kept' })
  assert.equal(created.status, 201)
  const writer = startWriting(pop, token)
  await writer.goesOn()
  for (const name of ['control', 'identity', 'kafka_service', 's3_service', 'gateway']) {
    const pid = pop.run().processes[name]?.pid ?? 0
    assert.ok(pid > 0, name)
    process.kill(pid, 'SIGKILL')
    while (isAlive(pid) || pop.run().processes[name]?.pid === pid) await pause(20)
    await writer.goesOn()
  }
  const before = pop.run()
  await pop.kill()
  for (const { pid } of Object.values(before.processes)) while (isAlive(pid)) await pause(20)
  await pop.start()
  await writer.goesOn()
  const acknowledged = await writer.stop()
  const found = await readAll(pop, token)
  const times = new Map<number, number>()
  for (const number of found) times.set(number, (times.get(number) ?? 0) + 1)
  assert.deepEqual(
    acknowledged.filter((number) => times.get(number) !== 1),
    [],
  )
  const refresh = { grant_type: 'refresh_token', refresh_token: String(signedIn.body['refresh_token']) }
  const refreshed = await clientOf(pop).form('/oauth/token', refresh)
  assert.equal(refreshed.status, 200, JSON.stringify(refreshed.body))
})

test('a sign-out holds over a kill of the gateway', async () => {
  await using pop = await startSupervised()
  const token = String((await signIn(pop, 'alice')).body['access_token'])
  assert.equal((await clientOf(pop).form('/oauth/logout', { token })).status, 204)
  const pid = pop.run().processes['gateway']?.pid ?? 0
  process.kill(pid, 'SIGKILL')
  while (isAlive(pid) || pop.run().processes['gateway']?.pid === pid) await pause(20)
  assert.equal(
    (await answered(() => clientOf(pop).call(token, 'GET', '/v1/kafka/topics'))).body['code'],
    'token-revoked',
  )
})
