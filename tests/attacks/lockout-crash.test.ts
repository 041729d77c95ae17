import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { setTimeout as pause } from 'node:timers/promises'
import { developmentSettings } from '@pop-api/settings'
import { clientOf, signIn } from '../e2e/client.ts'
import { startSupervised, type Supervised } from '../e2e/supervised.ts'

let pop: Supervised

before(async () => {
  pop = await startSupervised({
    settings: () => `${developmentSettings}lockout: { scope: account+network }\n`,
    prepare: async () => undefined,
  })
})

after(async () => {
  await pop[Symbol.asyncDispose]()
})

/** One guess; it is made again while nobody listens, for then it was none. */
async function guess(username: string): Promise<void> {
  const form = { grant_type: 'password', username, password: 'not-this-password', totp: '000000' }
  for (;;) {
    const answer = await clientOf(pop)
      .form('/oauth/token', form)
      .catch(() => undefined)
    if (answer?.body['code'] === 'sign-in-refused') return
    await pause(20)
  }
}

async function killGateway(): Promise<void> {
  const pidOf = (): number => pop.run().processes['gateway']?.pid ?? 0
  const pid = pidOf()
  process.kill(pid, 'SIGKILL')
  while (pidOf() === pid) await pause(20)
}

async function lockedCount(): Promise<number> {
  const { body } = await clientOf(pop).form('/oauth/token', {})
  assert.equal(body['error'], 'invalid_request')
  const operations = Reflect.get(pop.run(), 'operations')
  const text = await (await fetch(`${String(operations)}/metrics`)).text()
  return Number(/^pop_sign_in_failures_total\{action="sign_in",reason="locked"\} (\d+)$/m.exec(text)?.[1] ?? 0)
}

test('failures that were answered count, and a lock holds, though the gateway is killed after each of them', async () => {
  await guess('bob')
  await guess('bob')
  await killGateway()
  await guess('bob')
  await killGateway()
  await guess('bob')
  await guess('bob')
  await killGateway()
  // Nothing before has asked this gateway: only what it has read can lock.
  await guess('bob')
  assert.equal((await signIn(pop, 'bob')).status, 400)
  assert.equal(await lockedCount(), 2)
  assert.equal((await signIn(pop, 'alice')).status, 200)
})
