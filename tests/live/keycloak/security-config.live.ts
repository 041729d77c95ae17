import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { setTimeout as pause } from 'node:timers/promises'
import { startPop, type Pop } from '@pop-api/testkit'

let pop: Pop
const people = ['ann', 'ben', 'cid', 'dee', 'eve', 'fay', 'gil', 'hal'].map((username) => ({
  username,
  roles: ['user'],
}))

before(async () => {
  pop = await startPop({ users: people })
})

after(async () => {
  await pop[Symbol.asyncDispose]()
})

type Security = ReturnType<ReturnType<Pop['keycloak']>['request']>['security']

async function applySecurity(change: Partial<Security>): Promise<void> {
  const { request, apply } = pop.keycloak()
  await apply({ security: { ...request().security, ...change } })
}

async function fail(username: string, times: number): Promise<void> {
  for (let time = 0; time < times; time++)
    assert.equal((await pop.signIn(username, { password: 'not-this-password' })).body['error'], 'invalid_grant')
}

/** Whether Keycloak itself says so. */
async function isLocked(username: string): Promise<boolean> {
  const id = pop.users.users.find((user) => user.username === username)?.id ?? ''
  return (await pop.keycloak().failuresOf(id)).locked
}

/** It counts behind its answer. One that never locks is a test that takes too long. */
async function untilLocked(username: string): Promise<void> {
  while (!(await isLocked(username))) await pause(20)
}

test('token_expiration is the life of an access token, and another value another life', async () => {
  assert.equal((await pop.signIn('ann')).body['expires_in'], 3600)
  await applySecurity({ tokenSeconds: 120 })
  assert.equal((await pop.signIn('ben')).body['expires_in'], 120)
  await applySecurity({ tokenSeconds: 3600 })
})

test('max_failed_attempts: the fifth failure locks, the fourth does not', async () => {
  await fail('cid', 4)
  assert.equal((await pop.signIn('cid')).status, 200)
  await fail('dee', 5)
  await untilLocked('dee')
  assert.equal((await pop.signIn('dee')).body['error'], 'invalid_grant')
})

test('max_failed_attempts of three locks after three', async () => {
  await applySecurity({ failuresMax: 3 })
  await fail('eve', 3)
  await untilLocked('eve')
  assert.equal((await pop.signIn('eve')).body['error'], 'invalid_grant')
  await applySecurity({ failuresMax: 5 })
})

test('lockout_duration: the lock ends by itself after that time', async () => {
  await applySecurity({ lockoutSeconds: 3, failuresMax: 2 })
  await fail('fay', 2)
  await untilLocked('fay')
  assert.equal((await pop.signIn('fay')).status, 400)
  while (await isLocked('fay')) await pause(200)
  assert.equal((await pop.signIn('fay')).status, 200)
  await applySecurity({ lockoutSeconds: 300, failuresMax: 5 })
})

test('minimum_password_length refuses a shorter password with a reason, and takes it once the setting allows it', async () => {
  const { realm, admin } = pop.keycloak()
  const kc = await admin()
  const id = pop.users.users.find(({ username }) => username === 'gil')?.id ?? ''
  const set = (value: string) =>
    kc.users.resetPassword({ realm, id, credential: { type: 'password', value, temporary: false } })
  await assert.rejects(set('eleven-char'), (error) => JSON.stringify(error).includes('invalidPasswordMinLength'))
  await set('twelve-chars')
  await applySecurity({ passwordLengthMin: 8 })
  await set('eleven-char')
  await applySecurity({ passwordLengthMin: 12 })
})

test('require_2fa makes a new user enrol before the first token; without it a password is enough for Keycloak', async () => {
  const { realm, admin } = pop.keycloak()
  const kc = await admin()
  const add = async (username: string): Promise<void> => {
    const password = { type: 'password', value: 'a-long-password-1', temporary: false }
    await kc.users.create({ realm, username, enabled: true, credentials: [password] })
  }
  await add('new-one')
  const { clientId, secret } = pop.keycloak().request().gatewayClient
  const there = (username: string) =>
    fetch(`${pop.issuer}/protocol/openid-connect/token`, {
      method: 'POST',
      body: new URLSearchParams({
        grant_type: 'password',
        client_id: clientId,
        client_secret: secret,
        username,
        password: 'a-long-password-1',
      }),
    })
  const refused = await there('new-one')
  assert.equal(refused.status, 400)
  assert.match(await refused.text(), /Account is not fully set up/)
  await applySecurity({ requireSecondFactor: false })
  await add('new-two')
  assert.equal((await there('new-two')).status, 200)
  await applySecurity({ requireSecondFactor: true })
})
