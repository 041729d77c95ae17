import assert from 'node:assert/strict'
import { mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { after, before, describe, test } from 'node:test'
import { setTimeout as pause } from 'node:timers/promises'
import { totpCode } from '@pop-api/identity'
import { developmentSettings } from '@pop-api/settings'
import { exchange, startPop, type ClientAnswer, type Pop } from '@pop-api/testkit'
import { aroundPop, type Around } from '../../../packages/cli/src/commands/try-pop.ts'
import { accountKey } from '../../../packages/gateway/src/lockout/account-key.ts'

// Both scopes of the lockout on Keycloak, and `pop user unlock`. Each network of a test is its own, all of them are of this machine.

const names = Array.from({ length: 12 }, (_, at) => ({ username: `user${at}`, roles: ['user'] }))
let nextNetwork = 1
const takeNetwork = (): string => `127.2.${nextNetwork++}`

interface World {
  readonly pop: Pop
  readonly takeUser: () => string
  /** `pop user …`, by an operator who is signed in. */
  readonly user: (...words: string[]) => Promise<string>
  readonly [Symbol.asyncDispose]: () => Promise<void>
}

async function startWorld(more: string): Promise<World> {
  await using stack = new AsyncDisposableStack()
  const limits = ['address', 'sign_in'].map((who) => `  ${who}_rate: 100000\n  ${who}_burst: 100000\n`)
  const settings = `${developmentSettings}${more}limits:\n${limits.join('')}`
  const pop = stack.use(await startPop({ users: names, settings }))
  const around: Around = stack.use(await aroundPop())
  await mkdir(join(around.folder, 'home'), { recursive: true })
  const ca = join(around.folder, 'ca.pem')
  await writeFile(ca, pop.ca)
  const run = (words: readonly string[], stdin = '') =>
    around.pop([...words, '--gateway', pop.gateway, '--ca', ca], { stdin })
  const { password, totp_secret: secret = '' } = userOf(pop, 'alice')
  const code = totpCode(secret, Date.now())
  const login = await run(['login', '--user', 'alice', '--password-stdin', '--code', code], password)
  assert.equal(login.code, 0, login.stderr)
  let nextUser = 0
  const owned = stack.move()
  return {
    pop,
    takeUser: () => names[nextUser++]?.username ?? assert.fail('no user is left'),
    user: async (...words) => {
      const { code: exit, stdout, stderr } = await run(['user', ...words])
      assert.deepEqual([exit, stderr], [0, ''])
      return stdout
    },
    [Symbol.asyncDispose]: () => owned.disposeAsync(),
  }
}

function userOf({ users: { users } }: Pop, username: string) {
  return users.find((known) => known.username === username) ?? assert.fail(username)
}

function ask({ gateway, ca }: Pop, network: string, form: Readonly<Record<string, string>>): Promise<ClientAnswer> {
  return exchange({
    method: 'POST',
    origin: gateway,
    path: '/oauth/token',
    ca,
    headers: { 'content-type': 'application/x-www-form-urlencoded' },
    body: new URLSearchParams({ grant_type: 'password', ...form }).toString(),
    from: `${network}.1`,
  })
}

async function fail(pop: Pop, network: string, spelling: string, times: number): Promise<void> {
  for (let time = 0; time < times; time++) {
    const answer = await ask(pop, network, { username: spelling, password: 'not-this-password', totp: '000000' })
    assert.equal(answer.body['error'], 'invalid_grant')
  }
}

/** Whether the right password is taken. A code is good for one success, so a user can succeed once. */
async function isTaken(pop: Pop, network: string, username: string, spelling = username): Promise<boolean> {
  const { password, totp_secret: secret = '' } = userOf(pop, username)
  const answer = await ask(pop, network, { username: spelling, password, totp: totpCode(secret, Date.now()) })
  if (answer.status !== 200) assert.equal(answer.body['error'], 'invalid_grant')
  return answer.status === 200
}

/** What Keycloak itself has counted, once that is so many: it counts behind its answer. */
async function countedThere(pop: Pop, username: string, atLeast: number) {
  for (;;) {
    const counted = await pop.keycloak().failuresOf(userOf(pop, username).id)
    if (counted.failures >= atLeast) return counted
    await pause(20)
  }
}

describe('lockout.scope: account', () => {
  let world: World
  before(async () => {
    world = await startWorld('')
  })
  after(() => world[Symbol.asyncDispose]())

  test('five failures lock the account from every network, and pop user unlock opens it', async () => {
    const { pop, takeUser, user } = world
    const name = takeUser()
    await fail(pop, takeNetwork(), name, 5)
    assert.deepEqual(await countedThere(pop, name, 5), { failures: 5, locked: true })
    assert.equal(await isTaken(pop, takeNetwork(), name), false)
    assert.match(await user('unlock', name, '--reason', 'it was her'), /^Unlocked: user\d+\.\n$/)
    assert.equal(await isTaken(pop, takeNetwork(), name), true)
    assert.equal(pop.member.bulletin.section('incidents')?.unlocks, undefined)
    assert.deepEqual(await pop.audit('gateway', { action: 'account_lock' }), [])
  })
})

describe('lockout.scope: account+network', () => {
  let world: World
  before(async () => {
    world = await startWorld('lockout: { scope: account+network }\n')
  })
  after(() => world[Symbol.asyncDispose]())

  test('five failures lock the account from their network alone, and Keycloak hears of no sixth', async () => {
    const { pop, takeUser } = world
    const [name, network] = [takeUser(), takeNetwork()]
    await fail(pop, network, name, 9)
    assert.equal(await isTaken(pop, network, name), false)
    assert.deepEqual(await countedThere(pop, name, 5), { failures: 5, locked: false })
    assert.equal(await isTaken(pop, takeNetwork(), name), true)
    assert.equal((await pop.audit('gateway', { action: 'account_lock' })).length, 1)
  })

  test('pop user unlock opens it at the gateway before it returns, and control’s log says who did it', async () => {
    const { pop, takeUser, user } = world
    const [name, network] = [takeUser(), takeNetwork()]
    await fail(pop, network, name, 5)
    assert.equal(await isTaken(pop, network, name), false)
    await user('unlock', name, '--reason', 'it was her')
    assert.equal(await isTaken(pop, network, name), true)
    const event = (await pop.audit('control', { action: 'user_unlock' })).at(-1)
    assert.deepEqual([event?.status, event?.user, event?.reason], ['success', 'alice', `${name}: it was her`])
  })

  test('pop user unlock opens what was failed under the e-mail address as well', async () => {
    const { pop, takeUser, user } = world
    const [name, network] = [takeUser(), takeNetwork()]
    const email = `${name}@example.org`
    const { realm, admin } = pop.keycloak()
    // As our realms are not: an administrator has changed it.
    await (await admin()).realms.update({ realm }, { loginWithEmailAllowed: true })
    await (await admin()).users.update({ realm, id: userOf(pop, name).id }, { email, emailVerified: true })
    await fail(pop, network, email.toUpperCase(), 6)
    await fail(pop, network, name, 6)
    // Two names that nobody here knows to be one: Keycloak, which does, has counted both.
    assert.deepEqual(await countedThere(pop, name, 10), { failures: 10, locked: false })
    assert.equal(await isTaken(pop, network, name, email), false)
    await user('unlock', name)
    assert.equal(await isTaken(pop, network, name, email), true)
  })

  test('what Keycloak takes for one account is one here', async (context) => {
    const { pop, takeUser } = world
    const spellings = [
      (name: string) => name.toUpperCase(),
      (name: string) => ` ${name}\t`,
      (name: string) => `ｕ${name.slice(1)}`,
      (name: string) => `u\u0301${name.slice(1)}`,
      (name: string) => `${name}\u200b`,
    ]
    const taken: boolean[] = []
    for (const spell of spellings) {
      const [name, network] = [takeUser(), takeNetwork()]
      const spelling = spell(name)
      assert.equal(accountKey(spelling), accountKey(name))
      taken.push(await isTaken(pop, network, name, spelling))
    }
    context.diagnostic(`taken: ${taken.join(', ')}`)
    // Case at least is folded there: otherwise this would show nothing.
    assert.equal(taken[0], true)
  })

  test('the realm’s own limit is ten times as high, and bounds what many networks can guess', async () => {
    const { pop, takeUser } = world
    const name = takeUser()
    for (let count = 0; count < 10; count++) await fail(pop, takeNetwork(), name, 5)
    assert.equal(pop.keycloak().request().security.failuresMax, 50)
    assert.deepEqual(await countedThere(pop, name, 50), { failures: 50, locked: true })
    assert.equal(await isTaken(pop, takeNetwork(), name), false)
  })
})
