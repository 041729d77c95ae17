import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { setTimeout as pause } from 'node:timers/promises'
import type { ClientAnswer } from '@pop-api/testkit'
import { clientOf, signIn } from '../e2e/client.ts'
import { startSupervised, type Supervised } from '../e2e/supervised.ts'

const incidents = '/v1/pop/incidents'
const topics = '/v1/kafka/topics'
let pop: Supervised
const tokens: Record<string, Readonly<Record<string, unknown>>> = {}

before(async () => {
  pop = await startSupervised()
  for (const name of ['alice', 'bob', 'carol']) tokens[name] = (await signIn(pop, name)).body
})

after(async () => {
  await pop[Symbol.asyncDispose]()
})

const accessOf = (name: string): string => String(tokens[name]?.['access_token'])
const claimsOf = (name: string): Record<string, unknown> =>
  JSON.parse(Buffer.from(accessOf(name).split('.')[1] ?? '', 'base64url').toString())

/** Asks again while nobody listens. */
async function call(name: string, method: string, path: string, body?: unknown): Promise<ClientAnswer> {
  for (;;) {
    const answer = await clientOf(pop)
      .call(accessOf(name), method, path, body)
      .catch(() => undefined)
    if (answer !== undefined) return answer
    await pause(20)
  }
}

/** Kills one process of the system and waits until the supervisor has another in its place. */
async function killOne(name: string): Promise<void> {
  const pid = pidOf(name)
  process.kill(pid, 'SIGKILL')
  while (pidOf(name) === pid) await pause(20)
}

function pidOf(name: string): number {
  const pid = pop.run().processes[name]?.pid
  assert.ok(pid !== undefined, name)
  return pid
}

async function listed(): Promise<readonly Record<string, unknown>[]> {
  const { status, body } = await call('alice', 'GET', incidents)
  assert.equal(status, 200, JSON.stringify(body))
  return body['revocations'] as Record<string, unknown>[]
}

async function isRefused(name: string): Promise<void> {
  const { status, body } = await call(name, 'GET', topics)
  assert.deepEqual([status, body['code']], [401, 'token-revoked'])
}

test('a sign-out that was answered holds, though the gateway is killed in the next moment', async () => {
  assert.equal((await call('bob', 'GET', topics)).status, 200)
  const form = { refresh_token: String(tokens['bob']?.['refresh_token']) }
  const out = await clientOf(pop).form('/oauth/logout', form)
  assert.equal(out.status, 204)
  await killOne('gateway')
  await isRefused('bob')
  for (;;) {
    const found = (await listed()).find(({ value }) => value === claimsOf('bob')['sid'])
    if (found !== undefined && found['pending'] === undefined) break
    await pause(20)
  }
})

test('an order that was answered holds, though control is killed in the next moment', async () => {
  const body = { session: claimsOf('carol')['sid'], reason: 'a test' }
  const ordered = await call('alice', 'POST', `${incidents}/revocations`, body)
  assert.equal(ordered.status, 201, JSON.stringify(ordered.body))
  await killOne('control')
  await isRefused('carol')
  for (;;) {
    const again = await call('alice', 'POST', `${incidents}/revocations`, { session: 'after', reason: 'it is back' })
    if (again.status === 201) break
    assert.equal(again.status, 503, JSON.stringify(again.body))
    await pause(50)
  }
  // What the new control says has come to the gateway with its answer.
  const values = (await listed()).map(({ value }) => value)
  for (const value of [claimsOf('bob')['sid'], claimsOf('carol')['sid'], 'after']) assert.ok(values.includes(value))
  await isRefused('bob')
  await isRefused('carol')
})

test('while control is frozen a gateway refuses by itself, and tells control once it thaws', async () => {
  const control = pidOf('control')
  process.kill(control, 'SIGSTOP')
  const form = { token: accessOf('alice') }
  let jti: unknown
  try {
    const minted = await clientOf(pop).form('/oauth/revoke', { token: 'made-up' })
    assert.equal(minted.status, 200)
    // Her own token is the one that is revoked, so another of hers looks on.
    const refreshed = await clientOf(pop).form('/oauth/token', {
      grant_type: 'refresh_token',
      refresh_token: String(tokens['alice']?.['refresh_token']),
    })
    jti = claimsOf('alice')['jti']
    assert.equal((await clientOf(pop).form('/oauth/revoke', form)).status, 200)
    await isRefused('alice')
    tokens['alice'] = refreshed.body
    const [mine] = (await listed()).filter(({ value }) => value === jti)
    assert.equal(mine?.['pending'], true)
  } finally {
    process.kill(control, 'SIGCONT')
  }
  for (;;) {
    const [mine] = (await listed()).filter(({ value, pending }) => value === jti && pending === undefined)
    if (mine !== undefined) break
    await pause(50)
  }
})
