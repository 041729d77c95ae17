import assert from 'node:assert/strict'
import { generateKeyPairSync } from 'node:crypto'
import { test } from 'node:test'
import { PopError } from '@pop-api/protocol'
import { createKeySet } from './key-set.ts'

const { publicKey } = generateKeyPairSync('rsa', { modulusLength: 2048 })
const jwk = { ...publicKey.export({ format: 'jwk' }), alg: 'RS256', use: 'sig' }

function world(answers: readonly unknown[]) {
  let nowMs = 0
  let fetches = 0
  const waits: number[] = []
  const keys = createKeySet({
    fetchKeys: async () => {
      const answer = answers[Math.min(fetches++, answers.length - 1)]
      if (answer instanceof Error) throw answer
      return answer
    },
    nowMs: () => nowMs,
    wait: async (ms) => {
      waits.push(ms)
      nowMs += ms
    },
  })
  return { keys, waits, fetches: () => fetches, at: (ms: number) => (nowMs = ms) }
}

const unavailable = (error: unknown): boolean => error instanceof PopError && error.code === 'identity-unavailable'

test('createKeySet() finds a key once it was fetched, and no key of another use', async () => {
  const { keys } = world([
    {
      keys: [
        { ...jwk, kid: 'a' },
        { ...jwk, kid: 'b', use: 'enc' },
      ],
    },
  ])
  assert.throws(() => keys.assertFresh(0), unavailable)
  await keys.refetch()
  keys.assertFresh(0)
  assert.equal(keys.find('a')?.alg, 'RS256')
  assert.equal(keys.find('b'), undefined)
})

test('createKeySet() shares one fetch among all who wait for it', async () => {
  const { keys, fetches } = world([{ keys: [{ ...jwk, kid: 'a' }] }])
  await Promise.all([keys.refetch(), keys.refetch(), keys.refetch()])
  assert.equal(fetches(), 1)
})

test('createKeySet() begins at most one fetch a second', async () => {
  const { keys, waits } = world([{ keys: [{ ...jwk, kid: 'a' }] }])
  await keys.refetch()
  await keys.refetch()
  assert.deepEqual(waits, [0, 1000])
})

test('createKeySet() keeps the old keys when a fetch fails or gives garbage, for an hour at most', async () => {
  const { keys } = world([{ keys: [{ ...jwk, kid: 'a' }] }, new Error('down'), { keys: [] }, 'garbage'])
  await keys.refetch()
  for (let index = 0; index < 3; index++) await assert.rejects(keys.refetch(), unavailable)
  assert.equal(keys.find('a')?.kid, 'a')
  keys.assertFresh(3_600_000)
  assert.throws(() => keys.assertFresh(3_600_001), unavailable)
})

test('createKeySet() says why the last fetch failed, and nothing of it after one that did not', async () => {
  const down = new Error('There is no realm')
  const { keys } = world([down, { keys: [{ ...jwk, kid: 'a' }] }])
  await assert.rejects(keys.refetch(), { cause: down })
  assert.throws(() => keys.assertFresh(0), { code: 'identity-unavailable', cause: down })
  await keys.refetch()
  assert.throws(() => keys.assertFresh(3_700_000), { code: 'identity-unavailable', cause: undefined })
})

test('createKeySet() forgets a key that the provider took away', async () => {
  const { keys } = world([{ keys: [{ ...jwk, kid: 'a' }] }, { keys: [{ ...jwk, kid: 'b' }] }])
  await keys.refetch()
  await keys.refetch()
  assert.equal(keys.find('a'), undefined)
  assert.equal(keys.find('b')?.kid, 'b')
})

test('createKeySet() takes no answer that comes after that of a later fetch: a key that was taken away stays away', async () => {
  const answers: ((document: unknown) => void)[] = []
  let nowMs = 0
  const keys = createKeySet({
    fetchKeys: () => new Promise((resolve) => answers.push(resolve)),
    nowMs: () => nowMs,
    wait: async (ms) => void (nowMs += ms),
  })
  const slow = keys.refetch()
  while (answers.length < 1) await Promise.resolve()
  const quick = keys.refetch()
  while (answers.length < 2) await Promise.resolve()
  answers[1]?.({ keys: [{ ...jwk, kid: 'new' }] })
  await quick
  answers[0]?.({ keys: [{ ...jwk, kid: 'old' }] })
  await slow
  assert.deepEqual([keys.find('old'), keys.find('new')?.kid], [undefined, 'new'])
})
