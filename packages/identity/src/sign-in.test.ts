import assert from 'node:assert/strict'
import { cp } from 'node:fs/promises'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { test } from 'node:test'
import { gateway, startWorld, textOf, type IdentityWorld } from './testing/identity-world.ts'
import { totpCode } from './totp.ts'

const refusal = { error: 'invalid_grant', error_description: 'Invalid user credentials' }

/** One try with the password grant; the right password and the present code unless told. */
function attempt(pop: IdentityWorld, username: string, changed: { password?: string; totp?: string } = {}) {
  const { password } = pop.user(username)
  return pop.token({ grant_type: 'password', username, password, totp: pop.code(username), ...changed })
}

async function fail(pop: IdentityWorld, username: string, times: number): Promise<void> {
  for (let count = 0; count < times; count += 1) {
    assert.deepEqual((await attempt(pop, username, { password: 'wrong' })).json, refusal)
  }
}

test('password grant accepts a code once, under 50 uses at the same time', async () => {
  await using pop = await startWorld({ max_failed_attempts: 1000 })
  const answers = await Promise.all(Array.from({ length: 50 }, () => attempt(pop, 'bob')))
  assert.equal(answers.filter((answer) => answer.status === 200).length, 1)
  for (const answer of answers.filter(({ status }) => status !== 200)) assert.deepEqual(answer.json, refusal)
  assert.deepEqual(pop.failures, [])
})

test('password grant accepts neither the same code nor an earlier one again, also after a restart', async () => {
  await using pop = await startWorld()
  const secret = pop.secret('bob')
  const earlier = totpCode(secret, pop.clock.ms - 30_000)
  assert.equal((await attempt(pop, 'bob')).status, 200)
  assert.deepEqual((await attempt(pop, 'bob')).json, refusal)
  assert.deepEqual((await attempt(pop, 'bob', { totp: earlier })).json, refusal)
  await pop.restart()
  assert.deepEqual((await attempt(pop, 'bob')).json, refusal)
  pop.clock.ms -= 30_000
  assert.deepEqual((await attempt(pop, 'bob')).json, refusal)
  pop.clock.ms += 60_000
  assert.equal((await attempt(pop, 'bob')).status, 200)
})

test('password grant accepts codes one step early or late and no more', async () => {
  await using pop = await startWorld()
  for (const [name, driftMs, status] of [
    ['alice', -30_000, 200],
    ['bob', 30_000, 200],
    ['carol', -60_000, 400],
    ['carol', 60_000, 400],
  ] as const) {
    const totp = totpCode(pop.secret(name), pop.clock.ms + driftMs)
    assert.equal((await attempt(pop, name, { totp })).status, status, `${name} ${driftMs}`)
  }
})

test('password grant takes the code as totp or as otp, not as both', async () => {
  await using pop = await startWorld()
  const { password } = pop.user('bob')
  const form = { grant_type: 'password', username: 'bob', password, otp: pop.code('bob') }
  assert.equal((await pop.token({ ...form, totp: form.otp })).json['error'], 'invalid_request')
  assert.equal((await pop.token(form)).status, 200)
})

test('password grant answers every refusal alike', async () => {
  await using pop = await startWorld()
  const { password } = pop.user('alice')
  const spent = pop.code('carol')
  assert.equal((await attempt(pop, 'carol')).status, 200)
  await fail(pop, 'bob', 5)
  const answers = [
    await attempt(pop, 'alice', { password: 'wrong' }),
    await attempt(pop, 'alice', { totp: '000000' }),
    await attempt(pop, 'alice', { totp: 'abc' }),
    await pop.token({ grant_type: 'password', username: 'alice', password }),
    await attempt(pop, 'carol', { totp: spent }),
    await attempt(pop, 'bob'),
    await pop.token({ grant_type: 'password', username: 'nobody', password, totp: pop.code('alice') }),
    await pop.token({ grant_type: 'password', username: '__proto__', password, totp: pop.code('alice') }),
    await pop.token({ grant_type: 'password', username: 'reporter', password, totp: pop.code('alice') }),
  ]
  const [first] = answers
  for (const { status, text, headers } of answers) {
    assert.equal(status, 400)
    assert.equal(text, JSON.stringify(refusal))
    assert.deepEqual({ ...headers, date: '' }, { ...first?.headers, date: '' })
  }
})

test('password grant writes once for every refusal, also for an unknown name and a locked account', async () => {
  await using pop = await startWorld({ max_failed_attempts: 1 })
  const { password } = pop.user('alice')
  const totp = pop.code('alice')
  using database = new DatabaseSync(join(pop.folder, 'identity', 'state.db'), { readOnly: true })
  const tries = (): number => Number(database.prepare('select total(tries) as n from account').get()?.['n'])
  const refusals = [
    { username: 'alice', password },
    { username: 'alice', password: 'wrong', totp },
    { username: 'alice', password, totp },
    { username: 'nobody', password, totp },
    { username: 'nobody', password },
  ]
  for (const [index, form] of refusals.entries()) {
    assert.deepEqual((await pop.token({ grant_type: 'password', ...form })).json, refusal)
    assert.equal(tries(), index + 1)
  }
})

test('password grant knows a user by the exact name only, and another spelling locks nobody', async () => {
  await using pop = await startWorld()
  const { password } = pop.user('alice')
  for (const username of ['Alice', 'ALICE', 'alice ', ' alice', 'alice\u0000', 'ａlice', 'alice@pop']) {
    const answer = await pop.token({ grant_type: 'password', username, password, totp: pop.code('alice') })
    assert.deepEqual(answer.json, refusal, username)
  }
  assert.equal((await attempt(pop, 'alice')).status, 200)
})

test('password grant without a required second factor takes the password alone, and a code that is there must be right', async () => {
  await using pop = await startWorld({ require_2fa: false })
  const { password } = pop.user('bob')
  assert.equal((await pop.token({ grant_type: 'password', username: 'bob', password })).status, 200)
  assert.deepEqual((await attempt(pop, 'bob', { totp: '000000' })).json, refusal)
  assert.equal((await attempt(pop, 'bob')).status, 200)
  assert.deepEqual((await attempt(pop, 'bob')).json, refusal)
})

test('lockout accepts at four failures, refuses at five and unlocks when its time is over', async () => {
  await using pop = await startWorld()
  await fail(pop, 'bob', 4)
  assert.equal((await attempt(pop, 'bob')).status, 200)
  await fail(pop, 'bob', 5)
  pop.clock.ms += 299_999
  assert.deepEqual((await attempt(pop, 'bob')).json, refusal)
  pop.clock.ms += 1
  assert.equal((await attempt(pop, 'bob')).status, 200)
})

test('lockout counts wrong codes, and not a missing one', async () => {
  await using pop = await startWorld()
  const { password } = pop.user('bob')
  for (let count = 0; count < 10; count += 1) {
    assert.deepEqual((await pop.token({ grant_type: 'password', username: 'bob', password })).json, refusal)
  }
  const wrong = totpCode(pop.secret('bob'), pop.clock.ms + 3_600_000)
  for (let count = 0; count < 4; count += 1)
    assert.deepEqual((await attempt(pop, 'bob', { totp: wrong })).json, refusal)
  assert.equal((await attempt(pop, 'bob')).status, 200)
  for (let count = 0; count < 5; count += 1)
    assert.deepEqual((await attempt(pop, 'bob', { totp: wrong })).json, refusal)
  pop.clock.ms += 30_000
  assert.deepEqual((await attempt(pop, 'bob')).json, refusal)
})

test('lockout holds over a restart and is of one account alone', async () => {
  await using pop = await startWorld()
  await fail(pop, 'bob', 5)
  await pop.restart()
  assert.deepEqual((await attempt(pop, 'bob')).json, refusal)
  assert.equal((await attempt(pop, 'alice')).status, 200)
})

test('lockout judges no more than its five tries of 30 at the same time', async () => {
  await using pop = await startWorld()
  await Promise.all(Array.from({ length: 30 }, () => attempt(pop, 'bob', { password: 'wrong' })))
  assert.deepEqual((await attempt(pop, 'bob')).json, refusal)
  pop.clock.ms += 300_000
  await fail(pop, 'bob', 4)
  assert.equal((await attempt(pop, 'bob')).status, 200)
})

test('lockout leaves the sessions of the account alone', async () => {
  await using pop = await startWorld()
  const session = await pop.signIn('bob')
  await fail(pop, 'bob', 5)
  const refreshed = await pop.token({ grant_type: 'refresh_token', refresh_token: textOf(session, 'refresh_token') })
  assert.equal(refreshed.status, 200)
})

test('what the provider has answered is on disk: a copy taken without stopping it goes on', async () => {
  await using pop = await startWorld()
  const session = await pop.signIn('alice')
  await fail(pop, 'bob', 5)
  const copy = join(pop.folder, 'copy')
  const isShared = (path: string): boolean => path.endsWith('-shm')
  await cp(join(pop.folder, 'identity'), copy, { recursive: true, filter: (path) => !isShared(path) })
  await pop.restart({ home: copy })
  assert.deepEqual((await attempt(pop, 'alice')).json, refusal)
  assert.deepEqual((await attempt(pop, 'bob')).json, refusal)
  const refreshed = await pop.token({ grant_type: 'refresh_token', refresh_token: textOf(session, 'refresh_token') })
  assert.equal(refreshed.status, 200)
})

test('password grant is for the gateway alone', async () => {
  await using pop = await startWorld()
  const { client_id, client_secret } = pop.client()
  const { password } = pop.user('bob')
  const form = { grant_type: 'password', username: 'bob', password, totp: pop.code('bob') }
  assert.equal((await pop.token({ ...form, client_id, client_secret })).status, 400)
  assert.equal((await pop.token({ ...form, client_secret: 'wrong' })).json['error'], 'invalid_client')
  assert.equal((await pop.call('/protocol/openid-connect/token', { ...form, ...gateway })).status, 200)
})

test('why a sign-in was refused is told to the operator, and to nobody else', async () => {
  await using pop = await startWorld({ max_failed_attempts: 3 })
  const { password } = pop.user('bob')
  const tries: readonly Readonly<Record<string, string>>[] = [
    { username: 'nobody', password: 'x', totp: '000000' },
    { username: 'bob', password: 'x', totp: pop.code('bob') },
    { username: 'bob', password, totp: '000000' },
    { username: 'bob', password },
    { username: 'bob', password: 'x', totp: '000000' },
    { username: 'bob', password, totp: pop.code('bob') },
  ]
  const answers = []
  for (const credentials of tries) answers.push((await pop.token({ grant_type: 'password', ...credentials })).text)
  assert.deepEqual(pop.refusals, [
    'nobody unknown-user',
    'bob wrong-password',
    'bob wrong-code',
    'bob no-code',
    'bob locked-now',
    'bob locked',
  ])
  assert.equal(new Set(answers).size, 1)
})
