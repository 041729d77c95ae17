import assert from 'node:assert/strict'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { identifyRevocation, PopError, type RevocationFacts } from '@pop-api/protocol'
import { openRevocations } from './revocations.ts'
import { tellControl } from './tell-control.ts'

const nowMs = (): number => 1_800_000_000_000
const session = (value: string): RevocationFacts => ({ kind: 'sid', value, until: 1_800_000_100 })

type Report = (facts: readonly RevocationFacts[], signal: AbortSignal) => Promise<Readonly<Record<string, unknown>>>

async function start(report: Report, random = (): number => 0.9) {
  await using stack = new AsyncDisposableStack()
  const home = await mkdtemp(join(tmpdir(), 'pop-tell-'))
  stack.defer(() => rm(home, { recursive: true }))
  const failures: unknown[] = []
  const failed = (failure: unknown): void => void failures.push(failure)
  const revocations = stack.use(await openRevocations(home, nowMs, failed))
  stack.use(tellControl({ revocations, report, failed, random }))
  const owned = stack.move()
  return { revocations, failures, [Symbol.asyncDispose]: () => owned.disposeAsync() }
}

async function until(isSo: () => boolean): Promise<void> {
  while (!isSo()) await new Promise((resolve) => setTimeout(resolve, 5))
}

const taken = (facts: readonly RevocationFacts[]) => ({
  accepted: facts.map((one) => identifyRevocation(one).id),
  position: { epoch: 1, sequence: 1 },
})

test('tellControl() says what is added, and once it is acknowledged never again', async () => {
  const said: string[][] = []
  await using world = await start(async (facts) => {
    said.push(facts.map(({ value }) => value))
    return taken(facts)
  })
  await world.revocations.add([session('a'), session('b')])
  await until(() => world.revocations.queue.waiting(1).length === 0)
  await world.revocations.add([session('c')])
  await until(() => said.length === 2)
  assert.deepEqual(said, [['a', 'b'], ['c']])
  assert.deepEqual(world.failures, [])
})

test('tellControl() goes on trying while control is away, and tells of the first failure alone', async () => {
  let tries = 0
  await using world = await start(async (facts) => {
    if (++tries < 4) throw new Error('away')
    return taken(facts)
  })
  await world.revocations.add([session('a')])
  await until(() => world.revocations.queue.waiting(1).length === 0)
  assert.equal(tries, 4)
  assert.equal(world.failures.length, 1)
})

test('tellControl() keeps what control has no room for', async () => {
  let room = 1
  await using world = await start(async (facts) => taken(facts.slice(0, room)))
  await world.revocations.add([session('a'), session('b')])
  await until(() => world.revocations.queue.waiting(9).length === 1)
  assert.equal(world.revocations.queue.waiting(9)[0]?.value, 'b')
  room = 9
  await until(() => world.revocations.queue.waiting(1).length === 0)
})

test('tellControl() lets nobody who has filled his share hold up what others revoke', async () => {
  const said: string[][] = []
  const isMallorys = ({ value }: RevocationFacts): boolean => value.startsWith('mallory')
  await using world = await start(
    async (facts) => {
      said.push(facts.map(({ value }) => value))
      return taken(facts.filter((one) => !isMallorys(one)))
    },
    // No pause after a failure ends before this test does.
    () => -1_000,
  )
  await world.revocations.add(Array.from({ length: 450 }, (_, at) => session(`mallory-${at}`)))
  await until(() => new Set(said.flat()).size === 450)
  const before = said.length
  await world.revocations.add([session('victim')])
  await until(() => world.revocations.queue.waiting(999).every(isMallorys))
  assert.equal(said[before]?.[0], 'victim')
})

test('tellControl() does not let one that control refuses hold up the others', async () => {
  await using world = await start(async (facts) => {
    if (facts.some(({ value }) => value === 'bad')) throw new PopError('body-invalid', 'no')
    return taken(facts)
  })
  await world.revocations.add([session('bad'), session('a'), session('b')])
  await until(() => world.revocations.queue.waiting(9).length === 1)
  assert.equal(world.revocations.queue.waiting(9)[0]?.value, 'bad')
})

const nonsense = [{}, { accepted: 'a', position: { epoch: 1, sequence: 1 } }, { accepted: [], position: 7 }]
for (const answer of nonsense) {
  test(`tellControl() takes ${JSON.stringify(answer)} for no acknowledgement`, async () => {
    let asked = 0
    await using world = await start(async () => {
      asked++
      return answer
    })
    await world.revocations.add([session('a')])
    await until(() => asked > 1)
    assert.equal(world.revocations.queue.waiting(9).length, 1)
  })
}

test('tellControl() ends while control does not answer', async () => {
  const world = await start(
    (_facts, signal) =>
      new Promise((_resolve, reject) => signal.addEventListener('abort', () => reject(new Error('stopped')))),
  )
  await world.revocations.add([session('a')])
  await world[Symbol.asyncDispose]()
})
