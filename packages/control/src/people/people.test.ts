import assert from 'node:assert/strict'
import { randomUUID } from 'node:crypto'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { readAudit, type AuditEvent } from '@pop-api/audit'
import { mintTxnToken, tokenSecondsMax, type JsonObject, type Revocation } from '@pop-api/protocol'
import type { GatewaySettings } from '@pop-api/settings'
import { joinGateway, joinModule, type GatewayMembership } from '@pop-api/workload'
import { domain, manifestOf, settingsWith, startTestControl } from '../test-world.ts'
import { standInKeycloak, type AskedOfKeycloak, type StandInAnswer } from './stand-in-keycloak.ts'

// What becomes of people's operations where Keycloak fails in the middle. That they do what they say, the live tests show.

const policy = { roles: { admin: ['modify_settings'], user: ['create_resource'] }, module_permissions: {}, grants: {} }
const users = '/v1/pop/users'
const annId = '11111111-2222-4333-8444-555555555555'
const ann = { id: annId, username: 'ann', enabled: true, requiredActions: [] }

async function start(
  provider: 'embedded' | 'keycloak' = 'keycloak',
  scope: GatewaySettings['lockout']['scope'] = 'account',
) {
  await using stack = new AsyncDisposableStack()
  const folder = await mkdtemp(join(tmpdir(), 'pop-people-'))
  stack.defer(() => rm(folder, { recursive: true }))
  const keycloak = stack.use(await standInKeycloak(folder))
  const settings = settingsWith('full')
  const { issuer, ca } = keycloak
  const identity = { ...settings.identity, provider, issuer, ca }
  const world = stack.use(await startTestControl({ policy, settings: { ...settings, identity, lockout: { scope } } }))
  await writeFile(join(world.home, 'keycloak-client-secret'), 'secret', { mode: 0o600 })
  const gateway = stack.use(await joinGateway(await world.boot('gateway-1', 'gateway')))
  const owned = stack.move()
  return { world, gateway, keycloak, [Symbol.asyncDispose]: () => owned.disposeAsync() }
}

interface Ordered {
  readonly method?: 'GET' | 'POST' | 'PUT'
  readonly template: string
  readonly path: string
  /** Where it is no operation on users. */
  readonly at?: string
  readonly body?: unknown
  readonly sub?: string
  readonly roles?: readonly string[]
  readonly scope?: string
}

function hand(gateway: GatewayMembership, { method = 'POST', template, path, body = {}, ...by }: Ordered) {
  const iat = Math.floor(Date.now() / 1000)
  const base = by.at ?? users
  const target = `${base}${path}`
  const txnToken = mintTxnToken(
    {
      iss: gateway.spiffeId,
      iat,
      exp: iat + 60,
      aud: domain,
      txn: randomUUID(),
      sub: by.sub ?? 'user:7f',
      scope: by.scope ?? 'standing-operator:any',
      req_wl: gateway.spiffeId,
      rctx: { req_ip: '127.0.0.1', name: 'alice', auth_iat: iat },
      tctx: {
        module: 'pop',
        operation: `${method} ${base}${template}`,
        target,
        roles: by.roles ?? ['admin'],
        decision: 'd',
      },
    },
    gateway.txnSigner,
  )
  const sent = method === 'GET' ? undefined : body
  return gateway.handToControl({ method, path: target, txnToken, requestId: 'r-1', body: sent, ifMatch: undefined })
}

const order = (gateway: GatewayMembership, verb: string, more: Partial<Ordered> = {}) =>
  hand(gateway, { template: `/{user}/${verb}`, path: `/ann/${verb}`, ...more })

function shown(gateway: GatewayMembership): readonly Revocation[] {
  return gateway.bulletin.section('incidents')?.revocations ?? []
}

async function until(isSo: () => boolean): Promise<void> {
  while (!isSo()) await new Promise((resolve) => setTimeout(resolve, 5))
}

const recorded = (home: string, action: string): Promise<AuditEvent[]> =>
  Array.fromAsync(readAudit(join(home, 'audit'), { action }))

/** A Keycloak that knows ann; `more` answers first. */
function knowsAnn(more: (asked: AskedOfKeycloak) => StandInAnswer | undefined = () => undefined) {
  return (asked: AskedOfKeycloak): StandInAnswer | undefined => {
    const { method, path } = asked
    const answer = more(asked)
    if (answer !== undefined || method !== 'GET') return answer
    if (path.startsWith('/users/?')) return { json: path.includes('username=ann&') ? [ann] : [] }
    if (path.startsWith('/clients')) return { json: [{ id: annId, clientId: 'realm-management' }] }
    return path === `/users/${annId}` ? { json: ann } : undefined
  }
}

test('with the embedded provider every operation on people is refused, recorded, and nothing is changed', async () => {
  await using started = await start('embedded')
  const { world, gateway } = started
  await assert.rejects(order(gateway, 'disable'), { code: 'users-not-managed' })
  const auditor = { method: 'GET', template: '', path: '?max=5', scope: 'standing-auditor:any' } as const
  await assert.rejects(hand(gateway, auditor), { code: 'users-not-managed' })
  const [event, ...others] = await recorded(world.home, 'user_disable')
  assert.deepEqual([event?.status, event?.reason, event?.user, others], ['refused', 'users-not-managed', 'alice', []])
  assert.deepEqual(shown(gateway), [])
})

test('an operation on people is refused to a token for another target, another operation or another standing', async () => {
  await using started = await start()
  const { gateway, keycloak } = started
  for (const wrong of [
    { template: '/{user}/enable' },
    { roles: ['user'] },
    { scope: 'standing-auditor:any' },
    { scope: 'modify_settings:any' },
  ])
    await assert.rejects(order(gateway, 'disable', wrong), { name: 'PopError' })
  assert.deepEqual(keycloak.asked, [])
})

test('disable revokes before Keycloak is asked, and what was revoked stays so where Keycloak fails', async () => {
  await using started = await start()
  const { world, gateway, keycloak } = started
  keycloak.answer = async (asked) => {
    if (asked.method !== 'PUT') return knowsAnn()(asked)
    // Otherwise this would never end.
    await until(() => shown(gateway).some(({ value }) => value === `user:${annId}`))
    return 'cut'
  }
  await assert.rejects(order(gateway, 'disable', { body: { reason: 'left' } }), {
    code: 'identity-unavailable',
    message: /is revoked, but whoever knows the password may still sign in: try again/,
  })
  const [revocation] = shown(gateway)
  assert.deepEqual([revocation?.value, revocation?.account?.reason], [`user:${annId}`, 'left'])
  const [opened, closed] = await recorded(world.home, 'user_disable')
  assert.deepEqual(
    [opened?.status, opened?.resource_id, closed?.status, closed?.reason],
    ['opened', `user:${annId}`, 'failure', 'identity-unavailable'],
  )
})

for (const [verb, template, body] of [
  ['disable', { method: 'POST', template: '/{user}/disable' }, {}],
  ['take the role from', { method: 'PUT', template: '/{user}/roles' }, { roles: [] }],
] as const) {
  test(`of two operators who ${verb} each other at once one stays an operator`, async () => {
    await using started = await start()
    const { gateway, keycloak } = started
    const role = { id: 'r-1', name: 'admin' }
    const operators = [ann, { ...ann, id: annId.replaceAll('1', '2'), username: 'bob' }]
    const changed: string[] = []
    keycloak.answer = ({ method, path }) => {
      if (path.endsWith('/token')) return undefined
      if (method === 'PUT' || method === 'DELETE') changed.push(path)
      if (method !== 'GET') return { status: 204 }
      if (path.includes('/role-mappings/')) return { json: [role] }
      const [, id = '', name = ''] = /^\/users\/(?:([\w-]{36})$|\?.*username=(\w+))/.exec(path) ?? []
      const found = operators.filter((one) => one.id === id || one.username === name)
      return { json: id === '' ? found : found[0] }
    }
    const against = ({ id }: typeof ann, { username }: typeof ann) => {
      const path = template.template.replace('{user}', username)
      return hand(gateway, { ...template, path, body, sub: `user:${id}` })
    }
    const [one = ann, other = ann] = operators
    const both = await Promise.allSettled([against(one, other), against(other, one)])
    const refused = both.filter((outcome) => outcome.status === 'rejected')
    assert.deepEqual(
      refused.map(({ reason }) => Reflect.get(Object(reason), 'code')),
      ['token-revoked'],
    )
    assert.equal(changed.length, 1, changed.join())
  })
}

const federated = 'f:0b1c:erin@example.org'
const odd = [
  { ...ann, id: federated, username: 'erin' },
  { ...ann, id: 'imported-7', username: '\u0430lice' },
  { ...ann, id: 'f:0b1c:a/../b', username: 'slash' },
  { ...ann, id: 'urn:pop:test:tess', username: 'tess' },
  { ...ann, id: '..', username: 'up' },
  { ...ann, id: annId.replaceAll('1', '3'), username: 'two\nlines' },
  { ...ann, id: 7, username: undefined },
]

test('the list shows whatever ids and names Keycloak has, says what cannot be used, and marks what a reader would misread', async () => {
  await using started = await start()
  const { gateway, keycloak } = started
  keycloak.answer = ({ path }) => (path.startsWith('/users/?') ? { json: [...odd, ann] } : undefined)
  const list = { method: 'GET', template: '', path: '?max=50', scope: 'standing-auditor:any' } as const
  const { users: listed } = await hand(gateway, list)
  assert.ok(Array.isArray(listed))
  const told = listed.map(({ id, username, username_escaped: escaped, unusable }) =>
    [id, username, escaped, unusable === undefined ? 'usable' : 'unusable'].join(' '),
  )
  assert.deepEqual(told, [
    `${federated} erin  usable`,
    'imported-7 \u0430lice \\u{430}lice usable',
    'f:0b1c:a/../b slash  unusable',
    'urn:pop:test:tess tess  unusable',
    '.. up  unusable',
    `${annId.replaceAll('1', '3')} two\\u{a}lines  unusable`,
    '- -  unusable',
    `${annId} ann  usable`,
  ])
})

test('orders about a user of another kind of id are done, by name and by id, and refused where the id is none that can be used', async () => {
  await using started = await start()
  const { gateway, keycloak } = started
  const changed: string[] = []
  keycloak.answer = ({ method, path }) => {
    if (path.endsWith('/token')) return undefined
    if (method === 'PUT') changed.push(path)
    if (method !== 'GET') return { status: 204 }
    const name = new URLSearchParams(path.split('?')[1]).get('username')
    if (name !== null) return { json: odd.filter(({ username }) => username === name) }
    if (path.endsWith('/sessions')) return { json: [] }
    const found = odd.find(({ id }) => path === `/users/${encodeURIComponent(id)}`)
    return found === undefined ? { status: 404, json: {} } : { json: found }
  }
  const disable = (name: string) => order(gateway, 'disable', { path: `/${name}/disable` })
  await disable('erin')
  await disable(encodeURIComponent(federated))
  await disable('imported-7')
  const paths = [federated, federated, 'imported-7'].map((id) => `/users/${encodeURIComponent(id)}`)
  assert.deepEqual(changed, paths)
  const revoked = new Set(shown(gateway).map(({ value }) => value))
  assert.deepEqual(revoked, new Set([`user:${federated}`, 'user:imported-7']))
  for (const name of ['slash', 'tess', 'up']) {
    await assert.rejects(disable(name), { code: 'conflict', message: /Keycloak itself/ })
  }
  assert.deepEqual(changed, paths)
})

test('unlock tells every gateway that counts, under each name that people sign in with, and no module', async () => {
  await using started = await start('keycloak', 'account+network')
  const { world, gateway, keycloak } = started
  await using module = await joinModule(await world.boot('notes', 'module'), manifestOf('notes', '/v1/notes'))
  keycloak.answer = ({ method, path }) => {
    if (method === 'DELETE') return { status: 204 }
    return path.startsWith('/users/?') ? { json: [{ ...ann, email: 'ann@example.org' }] } : undefined
  }
  const unlocks = () => gateway.bulletin.section('incidents')?.unlocks ?? []
  await order(gateway, 'unlock')
  await until(() => unlocks().length === 2)
  const first = unlocks()
  assert.deepEqual(first.map(({ name }) => name).toSorted(), ['ann', 'ann@example.org'])
  await order(gateway, 'unlock', { body: { reason: 'she asked' } })
  await until(() => unlocks().every(({ at }, which) => at > (first[which]?.at ?? 0)))
  assert.deepEqual(module.bulletin.section('incidents'), { revocations: [] })
  const closed = (await recorded(world.home, 'user_unlock')).at(-1)
  assert.deepEqual([closed?.user, closed?.resource_id, closed?.reason], ['alice', `user:${annId}`, 'ann: she asked'])
})

test('unlock tells no gateway where the provider alone counts, or does not do it', async () => {
  for (const scope of ['account', 'account+network'] as const) {
    await using started = await start('keycloak', scope)
    const { gateway, keycloak } = started
    keycloak.answer = knowsAnn(({ method }) =>
      method === 'DELETE' ? { status: scope === 'account' ? 204 : 403, json: {} } : undefined,
    )
    const outcome = order(gateway, 'unlock')
    if (scope === 'account') await outcome
    else await assert.rejects(outcome, { code: 'users-not-managed' })
    assert.equal(gateway.bulletin.section('incidents')?.unlocks, undefined)
  }
})

test('a reset whose outcome nobody knows revokes as well; one that Keycloak refuses does not', async () => {
  await using started = await start()
  const { gateway, keycloak } = started
  const error = { error: 'invalidPasswordHistoryMessage', error_description: 'must not be one of the last 3' }
  keycloak.answer = knowsAnn(({ method }) => (method === 'PUT' ? { status: 400, json: error } : undefined))
  const password = 'a-password-of-some-length'
  await assert.rejects(order(gateway, 'reset-password', { body: { password } }), {
    code: 'body-invalid',
    message: /must not be one of the last 3/,
  })
  assert.deepEqual(shown(gateway), [])
  keycloak.answer = knowsAnn(({ method }) => (method === 'PUT' ? 'cut' : undefined))
  await assert.rejects(order(gateway, 'reset-password', { body: { password } }), {
    code: 'identity-unavailable',
    message: /is revoked, but Keycloak may not have done its part/,
  })
  await until(() => shown(gateway).length === 1)
})

test('no password that came or was made stands in a log, an event or a fault', async () => {
  await using started = await start()
  const { world, gateway, keycloak } = started
  keycloak.answer = knowsAnn()
  const { password } = await order(gateway, 'reset-password')
  assert.match(String(password), /^[\w.+-]{20}$/)
  const given = 'given-by-the-operator-1'
  const answer = await order(gateway, 'reset-password', { body: { password: given } })
  assert.equal(answer['password'], undefined)
  keycloak.answer = knowsAnn(({ method, body }) => (method === 'PUT' ? { status: 400, text: body } : undefined))
  await assert.rejects(order(gateway, 'reset-password', { body: { password: given } }), { code: 'body-invalid' })
  await world.stop()
  const events = await Promise.all(
    ['audit', 'refusals'].map((kind) => Array.fromAsync(readAudit(join(world.home, kind)))),
  )
  const text = JSON.stringify([events, world.faults.map((fault) => (fault instanceof Error ? fault.stack : fault))])
  assert.ok(!text.includes(String(password)) && !text.includes(given))
})

test('sessions that could not be ended are ended later, also by a control that was started again, and never those of later sign-ins', async () => {
  await using started = await start()
  const { world, gateway, keycloak } = started
  keycloak.answer = knowsAnn(({ path }) => (path.endsWith('/sessions') ? { status: 503 } : undefined))
  const { sessions } = await order(gateway, 'logout')
  assert.equal(sessions, 'pending')
  await until(() => shown(gateway)[0]?.account?.sessions === 'pending')
  await world.stop()
  const ended: string[] = []
  const [old, later] = [Date.now() - 60_000, Date.now() + 60_000]
  keycloak.answer = knowsAnn(({ method, path }) => {
    const session = (id: string, start: number): JsonObject => ({ id, start, lastAccess: start, clients: {} })
    if (path.endsWith('/sessions')) return { json: [session('s-old', old), session('s-later', later)] }
    if (method === 'DELETE') ended.push(path)
    return method === 'DELETE' ? { status: 204 } : undefined
  })
  await world.restart()
  await until(() => shown(gateway)[0]?.account?.sessions === 'ended')
  assert.deepEqual(ended, ['/sessions/s-old', '/sessions/s-old?isOffline=true'])
})

test('what is taken back, and what the provider said itself, is asked of nobody', async () => {
  await using started = await start()
  const { gateway, keycloak } = started
  const at = Math.floor(Date.now() / 1000)
  const account = { reason: 'signed out at the provider', by: keycloak.issuer, at }
  const facts = { kind: 'sid', value: 's-1', until: at + 60, account } as const
  await gateway.reportRevocations([facts], new AbortController().signal)
  await until(() => shown(gateway).length === 1)
  assert.equal(shown(gateway)[0]?.account?.sessions, undefined)
  assert.deepEqual(keycloak.asked, [])
})

test('a gateway’s report of a session that was signed out here ends it at Keycloak, and a token alone ends nothing there', async () => {
  await using started = await start()
  const { gateway, keycloak } = started
  const at = Math.floor(Date.now() / 1000)
  const account = { reason: 'signed out', by: 'user:7f', at, sessions: 'ended' as const }
  const facts = [
    { kind: 'sid', value: 's/1', until: at + 60, account },
    { kind: 'jti', value: 'j-1', until: at + 60, account },
  ] as const
  keycloak.answer = ({ method }) => (method === 'DELETE' ? { status: 404, json: {} } : undefined)
  await gateway.reportRevocations(facts, new AbortController().signal)
  await until(() => shown(gateway).some(({ account: told }) => told?.sessions === 'ended'))
  const deleted = keycloak.asked.filter(({ method }) => method === 'DELETE').map(({ path }) => path)
  assert.deepEqual(deleted, ['/sessions/s%2F1', '/sessions/s%2F1?isOffline=true'])
  const states = Object.fromEntries(shown(gateway).map(({ kind, account: told }) => [kind, told?.sessions]))
  assert.deepEqual(states, { sid: 'ended', jti: undefined })
})

test('what a gateway says of a session lasts no longer than any token once Keycloak has ended it; an operator’s order lasts as ordered', async () => {
  await using started = await start()
  const { gateway, keycloak } = started
  keycloak.answer = ({ method }) => (method === 'DELETE' ? { status: 204 } : undefined)
  const month = 30 * 86_400
  const report = async (value: string) => {
    const at = Math.floor(Date.now() / 1000)
    const account = { reason: 'signed out', by: 'user:7f', at }
    await gateway.reportRevocations([{ kind: 'sid', value, until: at + month, account }], new AbortController().signal)
  }
  const path = '/v1/pop/incidents/revocations'
  const lasts = (value: string): number => {
    const told = shown(gateway).find((one) => one.value === value)
    return told?.account?.sessions === 'ended' ? told.until - told.account.at : month
  }
  await report('s-1')
  await until(() => lasts('s-1') < month)
  // Not as long as tokens of these settings: others may have been in force when the last one was made.
  assert.ok(lasts('s-1') >= tokenSecondsMax && lasts('s-1') <= tokenSecondsMax + 20, String(lasts('s-1')))
  // The same token signs out once more.
  await report('s-1')
  await until(() => keycloak.asked.filter(({ method }) => method === 'DELETE').length === 4 && lasts('s-1') < month)
  await hand(gateway, { template: '', path: '', at: path, body: { session: 's-2', reason: 'stolen' } })
  await report('s-2')
  await until(() => shown(gateway).some(({ value, account }) => value === 's-2' && account?.sessions === 'ended'))
  assert.ok(lasts('s-2') >= month)
})

test('an id that a URL takes for a step in its path never leads to the realm itself', async () => {
  await using started = await start()
  const { gateway, keycloak } = started
  const at = Math.floor(Date.now() / 1000)
  const shared = { until: at + 60, account: { reason: 'signed out', by: 'user:7f', at } }
  const facts = [
    ...['.', '..', '../..', '%2e%2e', 's-1'].map((value) => ({ kind: 'sid' as const, value, ...shared })),
    ...['user:.', 'user:..'].map((value) => ({ kind: 'sub' as const, value, issued_until: at, ...shared })),
  ]
  keycloak.answer = ({ method }) => (method === 'DELETE' ? { status: 204 } : undefined)
  await gateway.reportRevocations(facts, new AbortController().signal)
  await until(() => shown(gateway).length === facts.length)
  await until(() => shown(gateway).every(({ account }) => account?.sessions === 'ended'))
  const asked = keycloak.asked.filter(({ path }) => !path.endsWith('/token'))
  assert.deepEqual(asked.map(({ method, path }) => `${method} ${path}`).toSorted(), [
    'DELETE /sessions/%252e%252e',
    'DELETE /sessions/%252e%252e?isOffline=true',
    'DELETE /sessions/..%2F..',
    'DELETE /sessions/..%2F..?isOffline=true',
    'DELETE /sessions/s-1',
    'DELETE /sessions/s-1?isOffline=true',
  ])
})
