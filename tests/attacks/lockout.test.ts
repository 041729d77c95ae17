import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { after, before, test } from 'node:test'
import { totpCode } from '@pop-api/identity'
import { developmentSettings } from '@pop-api/settings'
import { exchange, startPop, type ClientAnswer, type Pop } from '@pop-api/testkit'

// `lockout.scope: account+network`: each network of a test is its own, all of them are of this machine.

const names = Array.from({ length: 12 }, (_, at) => ({ username: `user${at}`, roles: ['user'] }))
let pop: Pop
let nextNetwork = 1
let nextUser = 0

before(async () => {
  const limits = ['address', 'sign_in'].map((who) => `  ${who}_rate: 100000\n  ${who}_burst: 100000\n`)
  const settings = `${developmentSettings}lockout: { scope: account+network }\nlimits:\n${limits.join('')}`
  pop = await startPop({ users: names, settings })
})

after(async () => {
  await pop[Symbol.asyncDispose]()
})

const takeNetwork = (): string => `127.1.${nextNetwork++}`
const takeUser = (): string => `user${nextUser++}`

function ask(from: string, form: Readonly<Record<string, string>>): Promise<ClientAnswer> {
  return exchange({
    method: 'POST',
    origin: pop.gateway,
    path: '/oauth/token',
    ca: pop.ca,
    headers: { 'content-type': 'application/x-www-form-urlencoded' },
    body: new URLSearchParams({ grant_type: 'password', ...form }).toString(),
    from,
  })
}

const guess = (username: string, from: string): Promise<ClientAnswer> =>
  ask(from, { username, password: 'not-this-password', totp: '000000' })

function signIn(username: string, from: string, spelling = username): Promise<ClientAnswer> {
  const user = pop.users.users.find((known) => known.username === username)
  assert.ok(user !== undefined, username)
  const totp = totpCode(user.totp_secret ?? '', Date.now())
  return ask(from, { username: spelling, password: user.password, totp })
}

async function lock(username: string, network: string): Promise<void> {
  for (let count = 0; count < 5; count++) assert.equal((await guess(username, `${network}.1`)).status, 400)
}

/** How often a sign-in failed for this reason, since the start. */
async function failed(reason: string): Promise<number> {
  const text = await (await fetch(`${pop.operations}/metrics`)).text()
  const name = `pop_sign_in_failures_total{action="sign_in",reason="${reason}"} `
  return Number(
    text
      .split('\n')
      .find((line) => line.startsWith(name))
      ?.slice(name.length) ?? 0,
  )
}

/** An answer without what differs between any two. */
function shapeOf({ status, headers, body }: ClientAnswer): unknown {
  const { date: _date, 'x-request-id': _id, ...fields } = headers
  const { request_id: _request, ...rest } = body
  return { status, fields, rest }
}

test('a stranger locks himself out and not his victim, and cannot tell it from a wrong password', async () => {
  const [user, network] = [takeUser(), takeNetwork()]
  const first = await guess(user, `${network}.1`)
  for (let count = 1; count < 5; count++) await guess(user, `${network}.1`)
  const lockedBefore = await failed('locked')
  // From now on not even the right password helps there, from no address of it.
  const locked = await signIn(user, `${network}.1`)
  assert.deepEqual(shapeOf(locked), shapeOf(first))
  assert.deepEqual(shapeOf(await signIn(user, `${network}.254`)), shapeOf(first))
  assert.deepEqual(shapeOf(await guess('nobody-of-this-name', `${network}.1`)), shapeOf(first))
  assert.equal((await failed('locked')) - lockedBefore, 2)
  assert.equal((await signIn(user, `${takeNetwork()}.1`)).status, 200)
  assert.equal((await signIn(user, `${network}.1`)).status, 400, 'the victim’s sign-in let the stranger in')
})

test('a lock is one event with account and network, before the event of the sign-in that it refused', async () => {
  const [user, network] = [takeUser(), takeNetwork()]
  await lock(user, network)
  const last = await guess(user, `${network}.1`)
  const events = await pop.audit('gateway', { action: 'account_lock' })
  const own = events.filter(({ resource_id: account }) => account === user)
  assert.deepEqual(
    own.map(({ user: who, ip_address, status, reason }) => [who, ip_address, status, reason]),
    [['-', `${network}.1`, 'success', `5 failed sign-ins from ${network}.0/24: locked there for 300 s`]],
  )
  assert.notEqual(own[0]?.request_id, last.headers['x-request-id'])
  const tries = await pop.audit('gateway', { request_id: own[0]?.request_id ?? '' })
  assert.deepEqual(
    tries.map(({ action, resource_id: account }) => [action, account]),
    [
      ['account_lock', user],
      ['sign_in', user],
    ],
  )
})

test('other spellings of a name are no further tries', async () => {
  const [user, network] = [takeUser(), takeNetwork()]
  const at = user.slice(4)
  for (const spelling of [user.toUpperCase(), ` ${user} `, `ｕｓｅｒ${at}`, `us\u200ber${at}`, `usér${at}`])
    await guess(spelling, `${network}.1`)
  assert.equal((await signIn(user, `${network}.1`)).status, 400)
  assert.equal((await signIn(user, `${takeNetwork()}.1`)).status, 200)
})

test('of 50 guesses at once five reach the provider', async () => {
  const [user, network] = [takeUser(), takeNetwork()]
  const [lockedBefore, wrongBefore] = [await failed('locked'), await failed('sign-in-refused')]
  await Promise.all(Array.from({ length: 50 }, (_, at) => guess(user, `${network}.${at + 1}`)))
  assert.equal((await failed('locked')) - lockedBefore, 45)
  assert.equal((await failed('sign-in-refused')) - wrongBefore, 5)
})

test('a password without the code that is needed counts as nothing, for it is not looked at', async () => {
  const [user, network] = [takeUser(), takeNetwork()]
  for (let count = 0; count < 10; count++)
    assert.equal((await ask(`${network}.1`, { username: user, password: 'not-this-password' })).status, 400)
  assert.equal((await signIn(user, `${network}.1`)).status, 200)
})

test('a success clears the count of its own network', async () => {
  const [user, network] = [takeUser(), takeNetwork()]
  for (let count = 0; count < 4; count++) await guess(user, `${network}.1`)
  assert.equal((await signIn(user, `${network}.1`)).status, 200)
  for (let count = 0; count < 4; count++) await guess(user, `${network}.1`)
  // A code is good for one sign-in: whoever is not locked is refused by the provider.
  const wrongBefore = await failed('sign-in-refused')
  await signIn(user, `${network}.1`)
  assert.equal((await failed('sign-in-refused')) - wrongBefore, 1)
})

test('the provider’s own limit, ten times as high, bounds what many networks can guess', async () => {
  const user = takeUser()
  for (let count = 0; count < 9; count++) await lock(user, takeNetwork())
  const last = takeNetwork()
  for (let count = 0; count < 4; count++) await guess(user, `${last}.1`)
  const other = takeUser()
  for (let count = 0; count < 10; count++) await lock(other, takeNetwork())
  assert.equal((await signIn(user, `${takeNetwork()}.1`)).status, 200, '49 failures')
  assert.equal((await signIn(other, `${takeNetwork()}.1`)).status, 400, '50 failures')
})

test('a lock ends nothing that somebody has already', async () => {
  const [user, network] = [takeUser(), takeNetwork()]
  const { body } = await signIn(user, `${network}.1`)
  await lock(user, network)
  const refreshed = await exchange({
    method: 'POST',
    origin: pop.gateway,
    path: '/oauth/token',
    ca: pop.ca,
    headers: { 'content-type': 'application/x-www-form-urlencoded' },
    body: `grant_type=refresh_token&refresh_token=${String(body['refresh_token'])}`,
    from: `${network}.1`,
  })
  assert.equal(refreshed.status, 200, JSON.stringify(refreshed.body))
})

test('what is kept names no account', () => {
  const text = readFileSync(join(pop.home, 'gateway', 'lockout.jsonl'), 'utf8')
  assert.match(text, /127\.1\.\d+\.0\/24/)
  assert.doesNotMatch(text, /user\d|not-this-password/)
})
