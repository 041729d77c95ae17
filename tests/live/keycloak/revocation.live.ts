import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { setTimeout as pause } from 'node:timers/promises'
import { totpCode } from '@pop-api/identity'
import type { Revocation } from '@pop-api/protocol'
import { startPop, type ClientAnswer, type Pop } from '@pop-api/testkit'
import { kafka } from '../../kafka.ts'
import { begin, codeBrought, passPages, redeem, type Begun } from '../../sign-in/ways.ts'
import type { SignInWorld } from '../../sign-in/world.ts'

// Whatever ends a session at Keycloak ends its tokens here, and what is revoked here ends the session at Keycloak.

let pop: Pop
let alice = ''
const topics = '/v1/kafka/topics'
const names = ['ann', 'ben', 'cid', 'dee', 'eve', 'fay', 'gil', 'hal', 'ida', 'jim', 'kay', 'lee']

before(async () => {
  pop = await startPop({ modules: [kafka], users: names.map((username) => ({ username, roles: ['user'] })) })
  alice = await pop.token('alice')
})

after(async () => {
  await pop[Symbol.asyncDispose]()
})

async function keycloak() {
  const { realm, admin } = pop.keycloak()
  return { realm, kc: await admin() }
}

const idOf = (username: string): string => pop.users.users.find((user) => user.username === username)?.id ?? ''

interface SignedIn {
  readonly token: string
  readonly sid: string
  readonly refresh: () => Promise<ClientAnswer>
}

function signedIn({ status, body }: ClientAnswer, client: Readonly<Record<string, string>> = {}): SignedIn {
  assert.equal(status, 200, JSON.stringify(body))
  const token = String(body['access_token'])
  const { sid } = JSON.parse(Buffer.from(token.split('.')[1] ?? '', 'base64url').toString())
  const form = { grant_type: 'refresh_token', refresh_token: String(body['refresh_token']), ...client }
  return { token, sid, refresh: () => pop.form('/oauth/token', form) }
}

const signIn = async (username: string): Promise<SignedIn> => signedIn(await pop.signIn(username))

/** Signs in as the command line does, in a browser that stays signed in at Keycloak. */
async function signInByBrowser(username: string, codeInSeconds = 0): Promise<SignedIn & Pick<Begun, 'browser'>> {
  const found = pop.users.users.find((user) => user.username === username)
  assert.ok(found !== undefined)
  // All that a sign-in in a browser needs of a world.
  const world = { issuer: pop.issuer, ca: `${pop.ca}\n${pop.issuerCa}`, form: pop.form } as SignInWorld
  const begun = await begin(world)
  const otp = totpCode(found.totp_secret ?? '', Date.now() + codeInSeconds * 1000)
  const { end } = await passPages(begun.browser, begun.page, { ...found, secret: undefined }, { otp })
  const answer = await redeem(world, begun, codeBrought(end))
  return { ...signedIn(answer, { client_id: 'pop-cli' }), browser: begun.browser }
}

async function isRefused(token: string): Promise<void> {
  const { status, body } = await pop.call(token, 'GET', topics)
  assert.deepEqual([status, body['code']], [401, 'token-revoked'])
}

async function isTaken(token: string): Promise<void> {
  assert.equal((await pop.call(token, 'GET', topics)).status, 200)
}

/** Keycloak tells us a moment after it has answered. */
async function becomesRefused(token: string): Promise<void> {
  while ((await pop.call(token, 'GET', topics)).status === 200) await pause(20)
  await isRefused(token)
}

async function revoke(target: Readonly<Record<string, string>>): Promise<Revocation> {
  const body = { ...target, reason: 'a test' }
  const answer = await pop.call(alice, 'POST', '/v1/pop/incidents/revocations', body)
  assert.equal(answer.status, 201, JSON.stringify(answer.body))
  // What the operation gives; a test that finds another shape fails.
  return answer.body['revocation'] as Revocation
}

async function listed(): Promise<readonly Revocation[]> {
  const { body } = await pop.call(alice, 'GET', '/v1/pop/incidents')
  // The same.
  return body['revocations'] as readonly Revocation[]
}

async function stateOf(id: string): Promise<unknown> {
  return (await listed()).find((one) => one.id === id)?.account?.sessions
}

async function becomesEnded(id: string): Promise<void> {
  while ((await stateOf(id)) !== 'ended') await pause(20)
}

async function sessionsAt(username: string): Promise<readonly string[]> {
  const { realm, kc } = await keycloak()
  return (await kc.users.listSessions({ realm, id: idOf(username) })).map(({ id = '' }) => id)
}

test('a session that an administrator ends at Keycloak is over here, of the gateway’s client and of the command line’s', async () => {
  const { realm, kc } = await keycloak()
  for (const session of [await signIn('ann'), await signInByBrowser('ben')]) {
    await isTaken(session.token)
    await kc.realms.removeSession({ realm, sessionId: session.sid })
    await becomesRefused(session.token)
    assert.equal((await session.refresh()).body['error'], 'invalid_grant')
  }
  const events = await pop.audit('gateway', { action: 'backchannel_logout' })
  assert.deepEqual([...new Set(events.map(({ status }) => status))], ['success'])
  assert.ok(events.length >= 2)
})

test('who signs out at Keycloak’s own page is signed out here', async () => {
  const { token, browser } = await signInByBrowser('cid')
  await isTaken(token)
  const page = await browser.open(`${pop.issuer}/protocol/openid-connect/logout`)
  await browser.submit(page, {})
  await becomesRefused(token)
})

test('every session of a user that an administrator ends is over here', async () => {
  const { realm, kc } = await keycloak()
  const sessions = [await signIn('dee'), await signInByBrowser('lee')]
  await kc.users.logout({ realm, id: idOf('dee') })
  await becomesRefused(sessions[0]?.token ?? '')
  await isTaken(sessions[1]?.token ?? '')
})

test('what Keycloak has ended itself is not asked of it again', async () => {
  const states = (await listed()).map(({ account }) => account?.sessions)
  assert.ok(states.length >= 4)
  assert.deepEqual([...new Set(states)], [undefined])
})

test('an order about a session, and one about a user, end the sessions at Keycloak, and no others', async () => {
  const [eve, fay, gil] = [await signIn('eve'), await signIn('fay'), await signInByBrowser('gil')]
  const one = await revoke({ session: eve.sid })
  await isRefused(eve.token)
  await becomesEnded(one.id)
  assert.deepEqual(await sessionsAt('eve'), [])
  const all = await revoke({ user: `user:${idOf('fay')}` })
  await isRefused(fay.token)
  await becomesEnded(all.id)
  assert.deepEqual([await sessionsAt('fay'), await sessionsAt('gil')], [[], [gil.sid]])
  await isTaken(gil.token)
  const client = await revoke({ client: 'nobody' })
  assert.equal(await stateOf(client.id), undefined, 'a client has no sessions of its own')
})

test('who signs out at the gateway with an access token alone has no session at Keycloak any more', async () => {
  const { token, sid } = await signIn('hal')
  assert.deepEqual(await sessionsAt('hal'), [sid])
  assert.equal((await pop.form('/oauth/logout', { token })).status, 204)
  while ((await sessionsAt('hal')).length > 0) await pause(50)
  await isRefused(token)
})

test('while control cannot reach Keycloak nothing old is refreshed; the session is ended as soon as it can, and a later one stays', async () => {
  const { realm, kc } = await keycloak()
  const { token, refresh } = await signIn('ida')
  const [client] = await kc.clients.find({ realm, clientId: 'pop-control' })
  await kc.clients.update({ realm, id: client?.id ?? '' }, { secret: 'another' })
  const { id } = await revoke({ user: `user:${idOf('ida')}` })
  await isRefused(token)
  assert.equal((await sessionsAt('ida')).length, 1)
  assert.equal(await stateOf(id), 'pending')
  const refreshed = await refresh()
  assert.deepEqual([refreshed.status, refreshed.body['error']], [400, 'invalid_grant'])
  await pause(6_000)
  const later = await signInByBrowser('ida', 30)
  await pop.keycloak().apply({})
  await becomesEnded(id)
  assert.deepEqual(await sessionsAt('ida'), [later.sid])
  await isTaken(later.token)
  const renewed = await later.refresh()
  assert.equal(renewed.status, 200, JSON.stringify(renewed.body))
})

test('not-before that is pushed ends all that was issued before it, and nothing later', async () => {
  const { realm, kc } = await keycloak()
  const { token } = await signIn('jim')
  await pause(1_100)
  await kc.realms.update({ realm }, { notBefore: Math.floor(Date.now() / 1000) })
  const told: unknown = await kc.realms.pushRevocation({ realm })
  assert.deepEqual(Object(told)['failedRequests'] ?? [], [])
  await becomesRefused(token)
  await isRefused(alice)
  await pause(1_100)
  const later = await signIn('bob')
  await isTaken(later.token)
  await kc.realms.update({ realm }, { notBefore: 0 })
})

test('logout of the whole realm ends every token here', async () => {
  const { realm, kc } = await keycloak()
  const { token } = await signIn('kay')
  await isTaken(token)
  await kc.realms.logoutAll({ realm })
  await becomesRefused(token)
})
