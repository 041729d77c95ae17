import assert from 'node:assert/strict'
import { generateKeyPairSync } from 'node:crypto'
import { test } from 'node:test'
import type { JsonObject } from '@pop-api/protocol'
import type { OwnRequest } from './operation.ts'
import { peopleOperations } from './people-operations.ts'

const { privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' })

/** The operations before a control that answers when it is told to. */
function world() {
  const waiting: (() => void)[] = []
  const operations = peopleOperations({
    dresser: {
      spiffeId: 'spiffe://pop.example/gateway/g',
      domain: 'pop.example',
      txnSigner: { kid: 'k', privateKey },
      nextTxn: () => 'txn',
      nowMs: () => 1000,
    },
    handToControl: () => {
      const { promise, resolve } = Promise.withResolvers<JsonObject>()
      waiting.push(() => resolve({ users: [] }))
      return promise
    },
    bulletin: { position: () => ({ epoch: 1, sequence: 1 }), onChange: () => () => undefined },
  })
  const list = operations.find(({ method, path }) => method === 'GET' && path === '/v1/pop/users')
  assert.ok(list !== undefined)
  return {
    /** Answers so many, once they are asked. */
    answer: async (count: number) => {
      while (waiting.length < count) await new Promise((resolve) => setImmediate(resolve))
      for (const answer of waiting.splice(0)) answer()
    },
    ask: async (subject: string) => {
      const received = { target: { text: '/v1/pop/users', query: [] }, fields: new Map(), requestId: 'r', address: '' }
      const caller = { subject, name: 'ann', jti: 'j', iat: 0, exp: 100, clientId: 'c' }
      const permitted = { identified: { caller, routed: { received, destination: list } }, roles: [], decision: 'd' }
      // As much of a permitted request as these operations look at.
      const request = { permitted, announce: () => undefined } as unknown as OwnRequest
      return (await list.serve(request)).status
    },
  }
}

test('of one caller two questions about users are under way at most, so that one caller alone holds up nobody', async () => {
  const { ask, answer } = world()
  const asked = [ask('user:a'), ask('user:a')]
  await assert.rejects(ask('user:a'), { code: 'rate-limited' })
  const other = ask('user:b')
  await answer(3)
  assert.deepEqual(await Promise.all([...asked, other]), [200, 200, 200])
  const again = ask('user:a')
  await answer(1)
  assert.equal(await again, 200)
})

test('of all callers sixteen are, which leaves connections for orders of revocation', async () => {
  const { ask, answer } = world()
  const asked = Array.from({ length: 16 }, (_, at) => ask(`user:${at}`))
  await assert.rejects(ask('user:late'), { code: 'rate-limited' })
  await answer(16)
  assert.equal(new Set(await Promise.all(asked)).size, 1)
})
