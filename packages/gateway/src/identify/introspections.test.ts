import assert from 'node:assert/strict'
import { test } from 'node:test'
import { PopError } from '@pop-api/protocol'
import type { Caller } from './caller.ts'
import { createIntrospections } from './introspections.ts'
import { tokenError } from './token-error.ts'

const startMs = 1_800_000_000_000
const rules = {}

function world({ tokensMax = 10, refusalsMax = 10, askingMax = 10, askingOfNetworkMax = 10 } = {}) {
  let now = startMs
  const asked: string[] = []
  const introspections = createIntrospections({
    tokensMax,
    refusalsMax,
    askingMax,
    askingOfNetworkMax,
    nowMs: () => now,
  })
  const caller: Caller = {
    subject: 'user:a',
    name: 'a',
    clientId: 'c',
    roles: [],
    permissions: [],
    secondFactor: 'proven',
    jti: 'j',
    iat: startMs / 1000,
    exp: startMs / 1000 + 20,
    issuer: 'https://id.example',
  }
  return {
    asked,
    at: (ms: number) => (now = startMs + ms),
    callerOf: async (
      token: string,
      answer: Partial<Caller> | Error = {},
      under: object = rules,
      mayAsk = () => {},
      network?: string,
    ) =>
      introspections.callerOf({
        token,
        network,
        rules: under,
        mayAsk,
        ask: async () => {
          asked.push(token)
          await Promise.resolve()
          if (answer instanceof Error) throw answer
          return { ...caller, ...answer }
        },
      }),
  }
}

const inactive = tokenError('token-invalid', 'not active', 'inactive')

test('callerOf() asks once for all who wait, and not again for 30 seconds', async () => {
  const { callerOf, asked, at } = world()
  const exp = startMs / 1000 + 3600
  const [one, other] = await Promise.all([callerOf('t', { exp }), callerOf('t', { exp })])
  assert.equal(one, other)
  at(29_999)
  assert.equal(await callerOf('t'), one)
  assert.deepEqual(asked, ['t'])
  at(30_000)
  assert.notEqual(await callerOf('t'), one)
})

test('callerOf() remembers no answer beyond the end of the token, nor under other settings', async () => {
  const { callerOf, asked, at } = world()
  await callerOf('t')
  at(19_999)
  await callerOf('t')
  assert.equal(asked.length, 1)
  at(20_000)
  await callerOf('t')
  await callerOf('t', {}, {})
  assert.equal(asked.length, 3)
})

test('callerOf() lets a clock that is set back stretch no answer', async () => {
  const { callerOf, asked, at } = world()
  await callerOf('t')
  at(-60_000)
  await callerOf('t')
  assert.equal(asked.length, 2)
})

test('callerOf() remembers a refusal for five seconds, and a failure not at all', async () => {
  const { callerOf, asked, at } = world()
  await assert.rejects(callerOf('t', inactive), { code: 'token-invalid' })
  at(4_999)
  await assert.rejects(callerOf('t'), { code: 'token-invalid' })
  assert.equal(asked.length, 1)
  at(5_000)
  await callerOf('t')
  const down = new PopError('identity-unavailable', 'down')
  await assert.rejects(callerOf('u', down), { code: 'identity-unavailable' })
  await callerOf('u')
  assert.equal(asked.length, 4)
})

test('callerOf() lets no number of wrong tokens push out a right one', async () => {
  const { callerOf, asked } = world({ tokensMax: 2, refusalsMax: 2 })
  await callerOf('right')
  for (let index = 0; index < 50; index++) await assert.rejects(callerOf(`wrong-${index}`, inactive))
  await callerOf('right')
  assert.equal(asked.filter((token) => token === 'right').length, 1)
  await callerOf('wrong-0')
  assert.equal(asked.filter((token) => token === 'wrong-0').length, 2)
})

test('callerOf() has whoever asks too much refused before anything is asked, and bounds what is under way', async () => {
  const { callerOf, asked } = world({ askingMax: 2 })
  const limited = () => {
    throw new PopError('rate-limited', 'too many')
  }
  await assert.rejects(callerOf('t', {}, rules, limited), { code: 'rate-limited' })
  assert.deepEqual(asked, [])
  const waiting = [callerOf('a'), callerOf('b')]
  await assert.rejects(callerOf('c'), { code: 'identity-unavailable' })
  await callerOf('a')
  await Promise.all(waiting)
  await callerOf('c')
})

test('callerOf() lets one network hold no more than its share of what is under way', async () => {
  const { callerOf } = world({ askingMax: 3, askingOfNetworkMax: 2 })
  const from = (token: string, network: string) => callerOf(token, {}, rules, undefined, network)
  const waiting = [from('a', 'one'), from('b', 'one')]
  await assert.rejects(from('c', 'one'), { code: 'rate-limited' })
  // Who asks for a token that is asked about already waits for the same answer.
  const shared = from('a', 'one')
  await from('d', 'other')
  await Promise.all([...waiting, shared])
  await from('c', 'one')
})
