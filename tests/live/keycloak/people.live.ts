import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { setTimeout as pause } from 'node:timers/promises'
import { totpCode } from '@pop-api/identity'
import type { Revocation } from '@pop-api/protocol'
import { startPop, type ClientAnswer, type Pop } from '@pop-api/testkit'
import { kafka } from '../../kafka.ts'
import { begin, codeBrought, passPages, redeem } from '../../sign-in/ways.ts'
import type { SignInWorld } from '../../sign-in/world.ts'

// People as an operator manages them at the gateway, and what becomes of it at Keycloak and for who holds a token.

let pop: Pop
let alice = ''
const users = '/v1/pop/users'
const topics = '/v1/kafka/topics'
const names = ['ann', 'ben', 'cid', 'dee', 'eve', 'fay', 'gil', 'hal', 'ida', 'jim']
/** A revocation reaches five seconds beyond its moment. */
const reachMs = 6_000

before(async () => {
  pop = await startPop({
    modules: [kafka],
    users: [...names.map((username) => ({ username, roles: ['user'] })), { username: 'root', roles: ['admin'] }],
  })
  alice = await pop.token('alice')
})

after(async () => {
  await pop[Symbol.asyncDispose]()
})

interface ShownSession {
  readonly id: string
  readonly ip: string
  readonly started: number
  readonly clients: readonly string[]
}

interface ShownUser {
  readonly id: string
  readonly username: string
  readonly username_escaped?: string
  readonly unusable?: string
  readonly email?: string
  readonly enabled: boolean
  readonly roles: readonly string[]
  readonly second_factor: string
  readonly locked_until?: number
  readonly required_actions: readonly string[]
  readonly sessions: readonly ShownSession[]
}

/** What the operations answer with, each some of it. */
interface Answered {
  readonly user: ShownUser
  readonly users: readonly ShownUser[]
  readonly more: boolean
  readonly password?: string
  readonly sessions?: 'ended' | 'pending' | readonly ShownSession[]
  readonly detail: string
}

async function ask(method: string, path: string, body?: unknown, expected = 200): Promise<Answered> {
  const answer = await pop.call(alice, method, `${users}${path}`, body)
  assert.equal(answer.status, expected, JSON.stringify(answer.body))
  // The tests look at each member that they use.
  return answer.body as unknown as Answered
}

async function refused(method: string, path: string, body: unknown, status: number, code: string): Promise<Answered> {
  const answer = await pop.call(alice, method, `${users}${path}`, body)
  assert.deepEqual([answer.status, answer.body['code']], [status, code], JSON.stringify(answer.body))
  // The tests look at each member that they use.
  return answer.body as unknown as Answered
}

async function keycloak() {
  const { realm, admin } = pop.keycloak()
  return { realm, kc: await admin() }
}

const idOf = (username: string): string => pop.users.users.find((user) => user.username === username)?.id ?? ''

async function signIn(
  username: string,
): Promise<{ readonly token: string; readonly refresh: () => Promise<ClientAnswer> }> {
  const { status, body } = await pop.signIn(username)
  assert.equal(status, 200, JSON.stringify(body))
  const form = { grant_type: 'refresh_token', refresh_token: String(body['refresh_token']) }
  return { token: String(body['access_token']), refresh: () => pop.form('/oauth/token', form) }
}

async function isRevoked(token: string): Promise<void> {
  const { status, body } = await pop.call(token, 'GET', topics)
  assert.deepEqual([status, body['code']], [401, 'token-revoked'])
}

async function sessionsAt(username: string): Promise<number> {
  const { realm, kc } = await keycloak()
  return (await kc.users.listSessions({ realm, id: idOf(username) })).length
}

/** A second sign-in of the same user: the code of now is used, and Keycloak takes the next one too. */
function signInAgain(username: string, change: Readonly<Record<string, string>> = {}): Promise<ClientAnswer> {
  const secret = pop.users.users.find((user) => user.username === username)?.totp_secret ?? ''
  return pop.signIn(username, { totp: totpCode(secret, Date.now() + 30_000), ...change })
}

/** Signs in at Keycloak's own pages, and does whatever they ask for. */
async function signInByBrowser(
  username: string,
  password: string,
  typed: Readonly<Record<string, string>> = {},
): Promise<ClientAnswer> {
  // All that a sign-in in a browser needs of a world.
  const world = { issuer: pop.issuer, ca: `${pop.ca}\n${pop.issuerCa}`, form: pop.form } as SignInWorld
  const begun = await begin(world)
  const user = { id: '', username, password, secret: undefined }
  const { end } = await passPages(begun.browser, begun.page, user, typed)
  return redeem(world, begun, codeBrought(end))
}

const chooses = (password: string) => ({ 'password-new': password, 'password-confirm': password })

test('the list has people and no service accounts, is searched and paged, and one is shown with all that is known', async () => {
  const { users: all, more } = await ask('GET', '?max=200')
  const listed = all.map(({ username }) => username)
  for (const name of [...names, 'alice', 'bob', 'carol', 'root']) assert.ok(listed.includes(name), name)
  assert.ok(listed.every((name: string) => !name.startsWith('service-account-')))
  assert.equal(more, false)
  const page = await ask('GET', '?first=1&max=2')
  assert.deepEqual([page.users.map(({ username }) => username), page.more], [listed.slice(1, 3), true])
  const found = await ask('GET', '?search=an')
  assert.deepEqual(
    found.users.map(({ username }) => username),
    ['ann'],
  )
  const { user } = await ask('GET', '/alice')
  assert.deepEqual(
    [user.id, user.username, user.enabled, user.roles, user.second_factor, user.required_actions],
    [idOf('alice'), 'alice', true, ['admin', 'user'], 'set_up', []],
  )
  assert.equal(user.sessions.length, 1)
  assert.deepEqual(user.sessions[0]?.clients, ['pop-gateway'])
  assert.deepEqual((await ask('GET', `/${idOf('alice')}`)).user.username, 'alice')
})

test('nobody is found by a part of a name, by a service account, or where there is none', async () => {
  for (const name of ['ali', 'nobody', 'a*', '*', 'service-account-reporter', crypto.randomUUID(), ' alice'])
    await refused('GET', `/${encodeURIComponent(name)}`, undefined, 404, 'resource-not-found')
  const { realm, kc } = await keycloak()
  const [client] = await kc.clients.find({ realm, clientId: 'reporter' })
  const account = await kc.clients.getServiceAccountUser({ realm, id: client?.id ?? '' })
  await refused('POST', `/${account.id}/disable`, {}, 404, 'resource-not-found')
})

test('a name that is the id of somebody else is refused, and the other name of the two is taken', async () => {
  const { realm, kc } = await keycloak()
  const { id } = await kc.users.create({ realm, username: idOf('ann'), enabled: true })
  await refused('POST', `/${idOf('ann')}/logout`, {}, 409, 'conflict')
  assert.equal((await ask('GET', '/ann')).user.id, idOf('ann'))
  assert.equal((await ask('GET', `/${id}`)).user.username, idOf('ann'))
  await kc.users.del({ realm, id })
})

test('users of other ids hide nobody, and are managed where their id can be used', async () => {
  const { realm, kc } = await keycloak()
  const odd = [
    { id: 'imported:7@old', username: '\u0430lice' },
    { id: 'with/slash', username: 'slash' },
  ]
  const rep = { ifResourceExists: 'FAIL', users: odd.map((user) => ({ ...user, enabled: true })) } as const
  await kc.realms.partialImport({ realm, rep })
  const { users: all } = await ask('GET', '?max=200')
  assert.ok(all.some(({ username }) => username === 'ann'))
  const found = (name: string) => all.find(({ username }) => username === name)
  assert.deepEqual([found('\u0430lice')?.id, found('\u0430lice')?.username_escaped], ['imported:7@old', '\\u{430}lice'])
  assert.match(found('slash')?.unusable ?? '', /its id/)
  await refused('POST', '/slash/disable', {}, 409, 'conflict')
  const id = encodeURIComponent('imported:7@old')
  assert.equal((await ask('POST', `/${id}/disable`, {})).user.enabled, false)
  assert.equal((await ask('POST', `/${encodeURIComponent('\u0430lice')}/enable`, {})).user.enabled, true)
  assert.deepEqual((await ask('GET', `/${id}/sessions`)).sessions, [])
  await kc.users.del({ realm, id: 'imported:7@old' })
})

test('bad questions and bodies are refused with what was expected', async () => {
  for (const query of ['?max=0', '?max=201', '?first=-1', '?first=x', '?max=1&max=2', '?order=name', '?search='])
    await refused('GET', query, undefined, 400, 'parameter-invalid')
  for (const body of [
    {},
    { username: '' },
    { username: crypto.randomUUID() },
    { username: '\u0430lice' },
    { username: 'alice smith' },
    { username: 'new', more: 1 },
    { username: 'new', roles: ['root'] },
    { username: 'new', roles: 'admin' },
    { username: 'new', password: 'eleven-char' },
    { username: 'new', email: 'no address' },
    { username: 'new name\n' },
  ])
    await refused('POST', '', body, 422, 'body-invalid')
  const short = await refused('POST', '/ben/reset-password', { password: 'short' }, 422, 'body-invalid')
  assert.match(short.detail, /at least 12 characters/)
  const named = await refused(
    'POST',
    '',
    { username: 'name-as-password', password: 'name-as-password' },
    422,
    'body-invalid',
  )
  assert.match(named.detail, /must not be equal to the username/)
  await refused('POST', '', { username: 'ben' }, 409, 'resource-exists')
})

test('who is added signs in with the password that was made, chooses another and sets up a second factor', async () => {
  const added = await ask(
    'POST',
    '',
    { username: 'new-one', email: 'new@example.org', first_name: 'New', roles: ['reader'] },
    201,
  )
  const { user, password = '' } = added
  assert.match(password, /^[\w.+-]{20}$/)
  assert.deepEqual([user.roles, user.second_factor, user.email], [['reader'], 'missing', 'new@example.org'])
  assert.deepEqual(user.required_actions.toSorted(), ['CONFIGURE_TOTP', 'UPDATE_PASSWORD'])
  const text = JSON.stringify([await pop.audit('gateway'), await pop.audit('control')])
  assert.ok(!text.includes(password))
  const [opened, closed] = await pop
    .audit('control', { action: 'user_creation', user: 'alice' })
    .then((events) => events.slice(-2))
  assert.deepEqual([opened?.status, closed?.status, closed?.resource_id], ['opened', 'success', `user:${user.id}`])
  const first = await signInByBrowser('new-one', password, chooses('chosen-by-a-new-one'))
  assert.equal((await pop.call(String(first.body['access_token']), 'GET', topics)).status, 200)
  const settled = await ask('GET', '/new-one')
  assert.deepEqual([settled.user.second_factor, settled.user.required_actions], ['set_up', []])
  const given = await ask('POST', '', { username: 'new-two', password: 'given-by-alice-1', roles: [] }, 201)
  assert.equal(given.password, undefined)
  assert.equal(given.user.roles.length, 0)
})

test('roles are set exactly, others are left alone, and whoever loses one holds no token with it any more', async () => {
  const { realm, kc } = await keycloak()
  await kc.roles.create({ realm, name: 'of-somebody-else' })
  const other = await kc.roles.findOneByName({ realm, name: 'of-somebody-else' })
  await kc.users.addRealmRoleMappings({
    realm,
    id: idOf('cid'),
    roles: [{ id: other?.id ?? '', name: 'of-somebody-else' }],
  })
  const { token } = await signIn('cid')
  const more = await ask('PUT', '/cid/roles', { roles: ['user', 'reader'] })
  assert.deepEqual([more.user.roles, more.sessions], [['reader', 'user'], undefined])
  assert.equal((await pop.call(token, 'GET', topics)).status, 200, 'who only gains goes on')
  const less = await ask('PUT', '/cid/roles', { roles: ['reader'], reason: 'left the team' })
  assert.deepEqual([less.user.roles, less.sessions], [['reader'], 'ended'])
  await isRevoked(token)
  const held = (await kc.users.listRealmRoleMappings({ realm, id: idOf('cid') })).map(({ name }) => name)
  assert.ok(held.includes('of-somebody-else') && !held.includes('user'))
  await refused('PUT', '/cid/roles', { roles: ['of-somebody-else'] }, 422, 'body-invalid')
  await refused('PUT', '/cid/roles', { roles: ['offline_access'] }, 422, 'body-invalid')
})

test('an operator cannot disable, demote or reset himself, and may log himself out', async () => {
  await refused('POST', '/alice/disable', {}, 409, 'conflict')
  await refused('POST', `/${idOf('alice')}/reset-password`, {}, 409, 'conflict')
  await refused('POST', '/alice/reset-2fa', {}, 409, 'conflict')
  await refused('PUT', '/alice/roles', { roles: ['user'] }, 409, 'conflict')
  const events = await pop.audit('control', { action: 'user_disable', user: 'alice' })
  assert.deepEqual(events.map(({ status }) => status).slice(-1), ['refused'])
  const root = await pop.token('root')
  const answer = await pop.call(root, 'POST', `${users}/root/logout`)
  assert.deepEqual([answer.status, answer.body['sessions']], [200, 'ended'])
  await isRevoked(root)
})

test('disable: the token is refused at once, nothing is refreshed, nobody signs in; enable lets in again, and the old token stays dead', async () => {
  const { realm, kc } = await keycloak()
  await kc.users.update({ realm, id: idOf('dee') }, { email: 'dee@example.org', firstName: 'Dee' })
  const { token, refresh } = await signIn('dee')
  const done = await ask('POST', '/dee/disable', { reason: 'stolen laptop' })
  assert.deepEqual([done.user.enabled, done.sessions, done.user.email], [false, 'ended', 'dee@example.org'])
  await isRevoked(token)
  assert.equal(await sessionsAt('dee'), 0)
  assert.deepEqual((await refresh()).body['error'], 'invalid_grant')
  assert.equal((await signInAgain('dee')).body['error'], 'invalid_grant')
  assert.equal((await ask('POST', '/dee/enable')).user.enabled, true)
  await pause(reachMs)
  const again = await signInAgain('dee')
  assert.equal((await pop.call(String(again.body['access_token']), 'GET', topics)).status, 200)
  await isRevoked(token)
  const listed = await pop.call(alice, 'GET', '/v1/pop/incidents')
  // The list of revocations, which has this shape.
  const revocations = listed.body['revocations'] as readonly Revocation[]
  const kept = revocations.find(({ value }) => value === `user:${idOf('dee')}`)
  assert.deepEqual([kept?.account?.reason, kept?.account?.sessions], ['stolen laptop', 'ended'])
})

test('unlock: five failures lock, show says until when, and after it the right password is taken', async () => {
  for (let count = 0; count < 5; count += 1) await pop.signIn('eve', { password: 'not-this-password' })
  assert.equal((await pop.signIn('eve')).body['error'], 'invalid_grant')
  const { user } = await ask('GET', '/eve')
  const seconds = (user.locked_until ?? 0) - Date.now() / 1000
  assert.ok(seconds > 200 && seconds <= 301, String(seconds))
  await ask('POST', '/eve/unlock', { reason: 'it was her' })
  assert.equal((await ask('GET', '/eve')).user.locked_until, undefined)
  await signIn('eve')
})

test('reset-password: what was held is over, the old password is refused, and the new one is only good for choosing another', async () => {
  const { token, refresh } = await signIn('fay')
  const { password = '', sessions, user } = await ask('POST', '/fay/reset-password', { reason: 'phished' })
  assert.match(password, /^[\w.+-]{20}$/)
  assert.deepEqual([sessions, user.required_actions], ['ended', ['UPDATE_PASSWORD']])
  await isRevoked(token)
  assert.equal((await refresh()).body['error'], 'invalid_grant')
  assert.equal((await signInAgain('fay')).body['error'], 'invalid_grant')
  const text = JSON.stringify([await pop.audit('gateway'), await pop.audit('control'), pop.failures])
  assert.ok(!text.includes(password))
  await pause(reachMs)
  const chosen = 'chosen-by-fay-herself'
  const secret = pop.users.users.find(({ username }) => username === 'fay')?.totp_secret ?? ''
  const again = await signInByBrowser('fay', password, {
    ...chooses(chosen),
    otp: totpCode(secret, Date.now() + 30_000),
  })
  assert.equal((await pop.call(String(again.body['access_token']), 'GET', topics)).status, 200)
  assert.deepEqual((await ask('GET', '/fay')).user.required_actions, [])
})

test('reset-2fa: the second factor is gone, what was held is over, and the person must set up another', async () => {
  const { token } = await signIn('gil')
  const { sessions, user } = await ask('POST', '/gil/reset-2fa', { reason: 'lost the phone' })
  assert.deepEqual([sessions, user.required_actions], ['ended', ['CONFIGURE_TOTP']])
  await isRevoked(token)
  assert.equal((await ask('GET', '/gil')).user.second_factor, 'missing')
  assert.equal((await signInAgain('gil')).body['error'], 'invalid_grant', 'the code of the lost phone is worth nothing')
  await pause(reachMs)
  const password = pop.users.users.find(({ username }) => username === 'gil')?.password ?? ''
  const enrolled = await signInByBrowser('gil', password)
  assert.equal((await pop.call(String(enrolled.body['access_token']), 'GET', topics)).status, 200)
  assert.equal((await ask('GET', '/gil')).user.second_factor, 'set_up')
})

test('sessions and logout: every session is listed with its clients, and logout ends them everywhere', async () => {
  const { token, refresh } = await signIn('hal')
  const listed = await ask('GET', '/hal/sessions')
  const [session] = typeof listed.sessions === 'object' ? listed.sessions : []
  assert.ok(session !== undefined)
  const { sid } = JSON.parse(Buffer.from(token.split('.')[1] ?? '', 'base64url').toString())
  assert.deepEqual([session.id, session.clients, session.ip], [sid, ['pop-gateway'], '127.0.0.1'])
  assert.ok(Math.abs(session.started - Date.now() / 1000) < 60)
  const done = await ask('POST', '/hal/logout')
  assert.equal(done.sessions, 'ended')
  await isRevoked(token)
  assert.equal((await refresh()).body['error'], 'invalid_grant')
  assert.deepEqual((await ask('GET', '/hal/sessions')).sessions, [])
  await pause(reachMs)
  const again = await signInAgain('hal')
  assert.equal((await pop.call(String(again.body['access_token']), 'GET', topics)).status, 200)
})

test('a sign-out by an access token ends the offline session behind it too, and what is listed of it then lasts as its tokens do', async () => {
  const { realm, kc } = await keycloak()
  const [client] = await kc.clients.find({ realm, clientId: 'pop-gateway' })
  const scope = await kc.clientScopes.findOneByName({ realm, name: 'offline_access' })
  const id = client?.id ?? ''
  await kc.clients.addOptionalClientScope({ realm, id, clientScopeId: scope?.id ?? '' })
  await kc.roles.findOneByName({ realm, name: 'offline_access' }).then((role) =>
    kc.users.addRealmRoleMappings({
      realm,
      id: idOf('ida'),
      roles: [{ id: role?.id ?? '', name: 'offline_access' }],
    }),
  )
  const { status, body } = await signInAgain('ida', { scope: 'openid offline_access' })
  assert.equal(status, 200, JSON.stringify(body))
  const token = String(body['access_token'])
  const offline = async () => (await kc.users.listOfflineSessions({ realm, id: idOf('ida'), clientId: id })).length
  assert.equal(await offline(), 1)
  assert.equal((await pop.form('/oauth/logout', { token })).status, 204)
  await isRevoked(token)
  const { sid } = JSON.parse(Buffer.from(token.split('.')[1] ?? '', 'base64url').toString('utf8')) as { sid: string }
  const listed = (): Revocation | undefined =>
    pop.member.bulletin.section('incidents')?.revocations.find(({ value }) => value === sid)
  while (listed()?.account?.sessions !== 'ended') await pause(50)
  assert.equal(await offline(), 0)
  const { until, account } = listed() ?? {}
  assert.ok((until ?? Infinity) - (account?.at ?? 0) < 2 * 86_400, String(until))
  const form = { grant_type: 'refresh_token', refresh_token: String(body['refresh_token']) }
  assert.equal((await pop.form('/oauth/token', form)).body['error'], 'invalid_grant')
})

test('who is no operator is refused, and nothing is done', async () => {
  const { token } = await signIn('ida')
  for (const [method, path] of [
    ['GET', ''],
    ['GET', '/jim'],
    ['GET', '/jim/sessions'],
    ['POST', '/jim/disable'],
    ['POST', '/jim/reset-password'],
    ['PUT', '/ida/roles'],
  ] as const) {
    const answer = await pop.call(token, method, `${users}${path}`, method === 'GET' ? undefined : { roles: ['admin'] })
    assert.equal(answer.status, 403, `${method} ${path}`)
  }
  assert.equal((await ask('GET', '/jim')).user.enabled, true)
})

test('control that lost its rights or its secret says what to do, and nothing went wrong inside', async () => {
  assert.deepEqual(pop.failures, [])
  const { realm, kc } = await keycloak()
  const [client] = await kc.clients.find({ realm, clientId: 'pop-control' })
  const account = await kc.clients.getServiceAccountUser({ realm, id: client?.id ?? '' })
  const [management] = await kc.clients.find({ realm, clientId: 'realm-management' })
  const mapping = { realm, id: account.id ?? '', clientUniqueId: management?.id ?? '' }
  const roles = (await kc.users.listClientRoleMappings(mapping)).map(({ id = '', name = '' }) => ({ id, name }))
  assert.deepEqual(roles.map(({ name }) => name).toSorted(), [
    'manage-users',
    'view-clients',
    'view-realm',
    'view-users',
  ])
  await kc.users.delClientRoleMappings({ ...mapping, roles })
  const without = await refused('GET', '/jim', undefined, 409, 'users-not-managed')
  assert.match(without.detail, /pop realm apply/)
  await kc.users.addClientRoleMappings({ ...mapping, roles })
  assert.equal((await ask('GET', '/jim')).user.username, 'jim')
  await kc.clients.update({ realm, id: client?.id ?? '' }, { secret: 'another' })
  const stranger = await refused('GET', '/jim', undefined, 409, 'users-not-managed')
  assert.match(stranger.detail, /does not let control in/)
  await pop.keycloak().apply({})
  assert.equal((await ask('GET', '/jim')).user.username, 'jim')
})
