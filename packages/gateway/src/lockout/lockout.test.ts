import assert from 'node:assert/strict'
import { appendFile, copyFile, mkdtemp, readFile, rm, stat, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { PopError, type Unlock } from '@pop-api/protocol'
import { SignInRefused } from '../serve/oauth/sign-in-refused.ts'
import type { LockoutBounds } from './lockout-book.ts'
import { openLockout, type AccountLock, type Lockout } from './lockout.ts'

const home1 = '192.0.2.7'
const elsewhere = '198.51.100.7'
const startMs = 1_800_000_000_000
const wrong = new PopError('sign-in-refused', 'The credentials are not valid.')

async function makeWorld() {
  const home = await mkdtemp(join(tmpdir(), 'pop-lockout-'))
  const world = {
    file: join(home, 'lockout.jsonl'),
    nowMs: startMs,
    rules: { counts: true, failuresMax: 5, durationMs: 300_000 },
    locks: [] as AccountLock[],
    failures: [] as unknown[],
    waits: [] as number[],
    /** How often the provider was asked. */
    asked: 0,
    open: (bounds?: LockoutBounds): Promise<Lockout> =>
      openLockout({
        home,
        rules: () => world.rules,
        nowMs: () => world.nowMs,
        ticksMs: () => world.nowMs,
        wait: async (ms) => void world.waits.push(ms),
        random: () => 0,
        locked: (lock) => void world.locks.push(lock),
        failed: (failure) => void world.failures.push(failure),
        ...(bounds === undefined ? {} : { bounds }),
      }),
    [Symbol.asyncDispose]: () => rm(home, { recursive: true }),
  }
  return world
}
type World = Awaited<ReturnType<typeof makeWorld>>

/** One try, by its end. */
async function attempt(
  world: World,
  lockout: Lockout,
  account: string,
  address: string,
  provider: () => Promise<string> = () => Promise.reject(wrong),
): Promise<string> {
  try {
    return await lockout.guard({ account, address, requestId: 'r-1' }, () => {
      world.asked++
      return provider()
    })
  } catch (failure) {
    if (failure instanceof SignInRefused) return failure.fault
    return failure instanceof PopError ? failure.code : String(failure)
  }
}

const right = (): Promise<string> => Promise.resolve('signed in')

async function fail(world: World, lockout: Lockout, times: number, account = 'bob', address = home1): Promise<void> {
  for (let time = 0; time < times; time++)
    assert.equal(await attempt(world, lockout, account, address), 'sign-in-refused', `${account} ${time}`)
}

const isLocked = async (world: World, lockout: Lockout, account = 'bob', address = home1): Promise<boolean> =>
  (await attempt(world, lockout, account, address, right)) === 'locked'

test('guard() locks at the last failure, asks nobody then, says it as a wrong password is said, and once in the log', async () => {
  await using world = await makeWorld()
  await using lockout = await world.open()
  await fail(world, lockout, 4)
  assert.deepEqual(world.locks, [])
  await fail(world, lockout, 1)
  const { asked } = world
  assert.equal(await isLocked(world, lockout), true)
  assert.equal(await isLocked(world, lockout), true)
  assert.equal(world.asked, asked)
  assert.deepEqual(world.locks, [
    {
      account: 'bob',
      address: home1,
      requestId: 'r-1',
      network: '192.0.2.0/24',
      failures: 5,
      durationMs: 300_000,
    },
  ])
  const locked = new SignInRefused('locked')
  assert.deepEqual([locked.code, locked.message, locked.headers], [wrong.code, wrong.message, wrong.headers])
})

test('guard() takes as long for a locked one as the provider took for a wrong password', async () => {
  await using world = await makeWorld()
  await using lockout = await world.open()
  world.rules = { ...world.rules, failuresMax: 1 }
  await attempt(world, lockout, 'bob', home1, () => {
    world.nowMs += 73
    return Promise.reject(wrong)
  })
  assert.equal(await isLocked(world, lockout), true)
  assert.deepEqual(world.waits, [73])
})

test('guard() lets the same account in from another network, and another account from the same', async () => {
  await using world = await makeWorld()
  await using lockout = await world.open()
  await fail(world, lockout, 5)
  assert.equal(await isLocked(world, lockout, 'bob', elsewhere), false)
  assert.equal(await isLocked(world, lockout, 'carol'), false)
  assert.equal(await isLocked(world, lockout), true, 'the success of the victim does not let the attacker in')
})

test('guard() lets in again after the duration, with all failures ahead, and a locked try prolongs nothing', async () => {
  await using world = await makeWorld()
  await using lockout = await world.open()
  await fail(world, lockout, 5)
  world.nowMs += 299_999
  assert.equal(await isLocked(world, lockout), true)
  world.nowMs += 1
  await fail(world, lockout, 4)
  assert.equal(await isLocked(world, lockout), false)
})

test('guard() counts refusals by the provider, and nothing else', async () => {
  await using world = await makeWorld()
  await using lockout = await world.open()
  const ends = [
    new PopError('identity-unavailable', 'Away.'),
    new PopError('oauth-request-invalid', 'No.'),
    new PopError('client-refused', 'Who?'),
    new Error('a fault'),
  ]
  for (let time = 0; time < 3; time++)
    for (const end of ends) await attempt(world, lockout, 'bob', home1, () => Promise.reject(end))
  await fail(world, lockout, 4)
  assert.equal(await isLocked(world, lockout), false)
})

test('guard() counts nothing where the provider counts', async () => {
  await using world = await makeWorld()
  await using lockout = await world.open()
  world.rules = { ...world.rules, counts: false }
  await fail(world, lockout, 20)
  assert.equal(world.asked, 20)
  assert.equal(await readFile(world.file, 'utf8'), '')
})

test('a success forgets the failures of its own spelling and network, not those of others', async () => {
  await using world = await makeWorld()
  await using lockout = await world.open()
  await fail(world, lockout, 4)
  await attempt(world, lockout, 'bob', elsewhere, right)
  await fail(world, lockout, 1)
  assert.equal(await isLocked(world, lockout), true, 'a success elsewhere cleared it')
  await fail(world, lockout, 4, 'carol')
  assert.equal(await attempt(world, lockout, 'carol', home1, right), 'signed in')
  await fail(world, lockout, 4, 'carol')
  assert.equal(await isLocked(world, lockout, 'carol'), false)
  await fail(world, lockout, 4, 'dave')
  // An account of the attacker's own, whose name folds to the same key.
  assert.equal(await attempt(world, lockout, 'dàve', home1, right), 'signed in')
  await fail(world, lockout, 1, 'dave')
  assert.equal(await isLocked(world, lockout, 'dave'), true)
})

test('guard() counts the spellings of a name, and the spellings of an address, together', async () => {
  await using world = await makeWorld()
  await using lockout = await world.open()
  const tries = [
    ['bob', '192.0.2.7'],
    [' BOB ', '::ffff:192.0.2.8'],
    ['ｂｏｂ', '192.0.2.9'],
    ['b\u200bob', '::ffff:c000:20a'],
    ['Bob\u00a0', '192.0.2.255'],
  ] as const
  for (const [account, address] of tries) await fail(world, lockout, 1, account, address)
  assert.equal(await isLocked(world, lockout, 'bob', '192.0.2.99'), true)
  for (const tail of ['::1', ':ffff::2', ':1:2:3:4', '::dead:beef', '::5'])
    await fail(world, lockout, 1, 'carol', `2001:db8:1:2${tail}`)
  assert.equal(await isLocked(world, lockout, 'carol', '2001:db8:1:2:9::9'), true)
  assert.equal(await isLocked(world, lockout, 'carol', '2001:db8:1:3::9'), false)
})

test('of 50 tries at once no more reach the provider than may fail; as many right ones all do', async () => {
  await using world = await makeWorld()
  await using lockout = await world.open()
  const slow = async (): Promise<never> => {
    await new Promise((resolve) => setImmediate(resolve))
    throw wrong
  }
  const tries = Array.from({ length: 50 }, () => attempt(world, lockout, 'bob', home1, slow))
  const ends = await Promise.all(tries)
  assert.equal(world.asked, 5)
  assert.equal(ends.filter((end) => end === 'locked').length, 45)
  assert.equal(world.locks.length, 1)
  const good = await Promise.all(Array.from({ length: 50 }, () => attempt(world, lockout, 'carol', home1, right)))
  assert.deepEqual(new Set(good), new Set(['signed in']))
})

test('counts and locks hold over a restart, were on the disk before anybody was told, and are 0600', async () => {
  await using world = await makeWorld()
  {
    await using lockout = await world.open()
    await fail(world, lockout, 5)
    await fail(world, lockout, 3, 'carol')
    assert.equal((await readFile(world.file, 'utf8')).split('\n').length - 1, 8)
    // As it is after SIGKILL: nothing was closed.
    await copyFile(world.file, `${world.file}.killed`)
    assert.equal((await stat(world.file)).mode & 0o777, 0o600)
  }
  await copyFile(`${world.file}.killed`, world.file)
  {
    await using again = await world.open()
    assert.equal(await isLocked(world, again), true)
    await fail(world, again, 2, 'carol')
    assert.equal(await isLocked(world, again, 'carol'), true)
    assert.equal((await readFile(world.file, 'utf8')).split('\n').length - 1, 4, 'it was written anew')
  }
  world.nowMs += 300_000
  await using later = await world.open()
  assert.equal(await isLocked(world, later), false)
  assert.equal(await readFile(world.file, 'utf8'), '')
})

test('a flood of locked tries writes nothing', async () => {
  await using world = await makeWorld()
  await using lockout = await world.open()
  await fail(world, lockout, 5)
  const { size } = await stat(world.file)
  for (let time = 0; time < 200; time++) assert.equal(await isLocked(world, lockout), true)
  assert.equal((await stat(world.file)).size, size)
})

test('an older copy of the file brings back what it says as it was: no lock that has ended, and none is longer', async () => {
  await using world = await makeWorld()
  {
    await using lockout = await world.open()
    await fail(world, lockout, 5)
    await copyFile(world.file, `${world.file}.old`)
  }
  world.nowMs += 200_000
  await copyFile(`${world.file}.old`, world.file)
  {
    await using again = await world.open()
    assert.equal(await isLocked(world, again), true)
  }
  // The clock is set back by a year, and the file is of the future.
  world.nowMs -= 31_536_000_000
  await using past = await world.open()
  assert.equal(await isLocked(world, past), true)
  world.nowMs += 300_000
  assert.equal(await isLocked(world, past), false)
})

test('a clock that is set back while it runs makes no lock longer than it is', async () => {
  await using world = await makeWorld()
  await using lockout = await world.open()
  await fail(world, lockout, 5)
  world.nowMs -= 31_536_000_000
  assert.equal(await isLocked(world, lockout), true)
  world.nowMs += 300_000
  assert.equal(await isLocked(world, lockout), false)
})

test('a line that was torn by a crash is ignored', async () => {
  await using world = await makeWorld()
  {
    await using lockout = await world.open()
    await fail(world, lockout, 5)
  }
  await appendFile(world.file, '{"account":"x","netw')
  await using again = await world.open()
  assert.equal(await isLocked(world, again), true)
})

const foreign = [
  'x',
  '[]',
  '{"account":"a"}',
  '{"account":"a","network":"n","failures":{"s":-1},"at":1}',
  '{"account":"a","network":"n","failures":{"s":1e999},"at":1}',
  '{"account":"a","network":"n","failures":[],"at":1}',
  '{"account":"a","network":"n","failures":{}}',
  '{"unlocked":"u"}',
]
for (const line of foreign) {
  test(`openLockout() does not start on the line ${line}: to go on would forget what was failed`, async () => {
    await using world = await makeWorld()
    await writeFile(world.file, `${line}\n`)
    await assert.rejects(world.open(), /lockout\.jsonl:1 is no line of a lockout/)
  })
}

const unlock = (name: string, at = startMs): Unlock => ({ name, at, until: startMs + 360_000 })

test('apply() unlocks an account in every network, once, also over a restart', async () => {
  await using world = await makeWorld()
  const section = { revocations: [], unlocks: [unlock('Bob'), unlock('bob@example.org')] }
  {
    await using lockout = await world.open()
    for (const account of ['bob', 'bob@example.org', 'carol'])
      for (const address of [home1, elsewhere]) await fail(world, lockout, 5, account, address)
    lockout.apply(section)
    for (const account of ['bob', 'bob@example.org'])
      for (const address of [home1, elsewhere]) assert.equal(await isLocked(world, lockout, account, address), false)
    assert.equal(await isLocked(world, lockout, 'carol'), true)
    await fail(world, lockout, 5)
    lockout.apply(section)
    assert.equal(await isLocked(world, lockout), true, 'one order is carried out once')
  }
  await using again = await world.open()
  again.apply(undefined)
  again.apply(section)
  assert.equal(await isLocked(world, again), true)
  again.apply({ revocations: [], unlocks: [unlock('bob', startMs + 1)] })
  assert.equal(await isLocked(world, again), false)
})

test('apply() does not carry out an order that has ended', async () => {
  await using world = await makeWorld()
  await using lockout = await world.open()
  world.nowMs += 360_000
  await fail(world, lockout, 5)
  lockout.apply({ revocations: [], unlocks: [unlock('bob')] })
  assert.equal(await isLocked(world, lockout), true)
})

test('a flood from many networks takes no lock away from others, and its memory is bounded', async () => {
  await using world = await makeWorld()
  const bounds = { pairsMax: 50, pairsOfNetworkMax: 10 }
  await using lockout = await world.open(bounds)
  await fail(world, lockout, 5)
  for (let net = 0; net < 500; net++) await fail(world, lockout, 1, `name${net}`, `2001:db8:1:${net.toString(16)}::1`)
  assert.equal(await isLocked(world, lockout), true)
  for (let net = 0; net < 80; net++) await fail(world, lockout, 5, 'carol', `2001:db8:2:${net.toString(16)}::1`)
  assert.equal(await isLocked(world, lockout), true)
  // Where all are locks, the provider alone counts, and the operator is told.
  assert.match(String(world.failures[0]), /full of locks/)
})

test('a network that tries more accounts than it may fill counts the rest together, and no other network with it', async () => {
  await using world = await makeWorld()
  await using lockout = await world.open({ pairsMax: 50, pairsOfNetworkMax: 10 })
  for (let at = 0; at < 10; at++) await fail(world, lockout, 1, `name${at}`)
  for (let at = 10; at < 15; at++) await fail(world, lockout, 1, `name${at}`)
  assert.equal(await isLocked(world, lockout, 'name99'), true)
  assert.equal(await isLocked(world, lockout, 'name99', elsewhere), false)
  assert.equal(await isLocked(world, lockout, 'name3'), false, 'who has a count of his own keeps it')
  world.nowMs += 300_000
  assert.equal(await isLocked(world, lockout, 'name99'), false)
})

test('a failure that the disk does not take counts all the same, and the operator is told', async () => {
  await using world = await makeWorld()
  const lockout = await world.open()
  await lockout[Symbol.asyncDispose]()
  await fail(world, lockout, 5)
  assert.equal(await isLocked(world, lockout), true)
  assert.equal(world.failures.length, 5)
})
