import assert from 'node:assert/strict'
import { randomUUID } from 'node:crypto'
import { join } from 'node:path'
import { test } from 'node:test'
import { readAudit, type AuditEvent } from '@pop-api/audit'
import { mintTxnToken, type Revocation, type RevocationFacts, type TxnClaims } from '@pop-api/protocol'
import {
  exchangeJson,
  joinGateway,
  joinModule,
  meshClientOptions,
  type GatewayMembership,
  type Membership,
} from '@pop-api/workload'
import { domain, manifestOf, startTestControl, type TestControl } from '../test-world.ts'

const policy = {
  roles: { admin: ['modify_settings'], editor: ['modify_settings'] },
  module_permissions: {},
  grants: {},
}
const path = '/v1/pop/incidents/revocations'
const signal = new AbortController().signal
const seconds = (): number => Math.floor(Date.now() / 1000)

async function start() {
  await using stack = new AsyncDisposableStack()
  const world = stack.use(await startTestControl({ policy }))
  const gateway = stack.use(await joinGateway(await world.boot('gateway-1', 'gateway')))
  const owned = stack.move()
  return { world, gateway, [Symbol.asyncDispose]: () => owned.disposeAsync() }
}

interface Change {
  readonly roles?: readonly string[]
  readonly scope?: string
  readonly rctx?: Partial<TxnClaims['rctx']>
  readonly sub?: string
}

function hand(gateway: GatewayMembership, body: unknown, change: Change = {}, id?: string) {
  const method = id === undefined ? 'POST' : 'DELETE'
  const target = id === undefined ? path : `${path}/${id}`
  const operation = `${method} ${id === undefined ? path : `${path}/{id}`}`
  const iat = seconds()
  const txnToken = mintTxnToken(
    {
      iss: gateway.spiffeId,
      iat,
      exp: iat + 60,
      aud: domain,
      txn: randomUUID(),
      sub: change.sub ?? 'user:7f',
      scope: change.scope ?? 'standing-operator:any',
      req_wl: gateway.spiffeId,
      rctx: { req_ip: '127.0.0.1', name: 'alice', auth_iat: iat, auth_kid: 'k-own', ...change.rctx },
      tctx: { module: 'pop', operation, target, roles: change.roles ?? ['admin'], decision: 'd-1' },
    },
    gateway.txnSigner,
  )
  return gateway.handToControl({ method, path: target, txnToken, requestId: 'r-1', body, ifMatch: undefined })
}

/** The order of an operator, who must get it. */
async function order(gateway: GatewayMembership, body: unknown): Promise<Revocation> {
  const { revocation } = await hand(gateway, body)
  // What the gateway under test was told; the test fails if it has another shape.
  return revocation as Revocation
}

function shown(member: Membership): readonly Revocation[] {
  return member.bulletin.section('incidents')?.revocations ?? []
}

async function until(isSo: () => boolean): Promise<void> {
  while (!isSo()) await new Promise((resolve) => setTimeout(resolve, 5))
}

function eventsIn(world: TestControl, folder: 'audit' | 'refusals', action: string): Promise<AuditEvent[]> {
  return Array.fromAsync(readAudit(join(world.home, folder), { action }))
}

function reported(change: Partial<RevocationFacts> = {}): RevocationFacts {
  const account = { reason: 'signed out', by: 'user:bob', at: seconds() }
  // The parts of it belong together wherever a test does not want otherwise.
  return { kind: 'sid', value: 's-1', until: seconds() + 60, account, ...change } as RevocationFacts
}

test('an order of an operator is in the view of gateways with its account, in that of modules without, and in the log', async () => {
  await using started = await start()
  const { world, gateway } = started
  await using module = await joinModule(await world.boot('notes', 'module'), manifestOf('notes', '/v1/notes'))
  assert.deepEqual(module.bulletin.section('incidents'), { revocations: [] })
  const before = seconds()
  const ordered = await order(gateway, { user: 'user:bob', reason: 'laptop lost' })
  assert.ok('issued_until' in ordered && ordered.issued_until >= before + 5 && ordered.issued_until <= seconds() + 5)
  assert.ok(ordered.until >= before + 30 * 86_400)
  assert.deepEqual([ordered.account?.reason, ordered.account?.by], ['laptop lost', 'user:7f'])
  await until(() => shown(gateway).length === 1 && shown(module).length === 1)
  const { account: _account, ...told } = ordered
  assert.deepEqual([shown(gateway), shown(module)], [[ordered], [told]])
  const events = await eventsIn(world, 'audit', 'revocation')
  assert.deepEqual(
    events.map(({ status, resource_id: resource, subject }) => [status, resource, subject]),
    [
      ['opened', 'sub user:bob', 'user:7f'],
      ['success', 'sub user:bob', 'user:7f'],
    ],
  )
})

test('an order survives a control that is not asked whether it wants to stop, and is taken back by its id, once', async () => {
  await using started = await start()
  const { world, gateway } = started
  const { id } = await order(gateway, { session: 's-9', reason: 'stolen' })
  await world.restart()
  assert.equal(
    (await order(gateway, { session: 's-9', reason: 'again' })).id,
    id,
    'the same order is the same revocation',
  )
  const lifted = await hand(gateway, undefined, {}, id)
  assert.deepEqual(lifted['others'], [])
  await until(() => shown(gateway).length === 0)
  await assert.rejects(hand(gateway, undefined, {}, id), { code: 'resource-not-found' })
  const [opened, success, refused] = (await eventsIn(world, 'audit', 'revocation_undo')).map(({ status }) => status)
  assert.deepEqual([opened, success, refused], ['opened', 'success', 'opened'])
})

test('who takes back one of two about the same user is told of the other', async () => {
  await using started = await start()
  const { gateway } = started
  const first = await order(gateway, { user: 'user:bob', reason: 'one' })
  await new Promise((resolve) => setTimeout(resolve, 1_100))
  const second = await order(gateway, { user: 'user:bob', reason: 'two' })
  assert.notEqual(first.id, second.id)
  assert.deepEqual((await hand(gateway, undefined, {}, second.id))['others'], [first.id])
})

const refusedOrders: readonly (readonly [string, unknown, Change, string])[] = [
  ['of a role that makes no operator', { session: 's', reason: 'x' }, { roles: ['editor'] }, 'permission-denied'],
  [
    'with the scope of another operation',
    { session: 's', reason: 'x' },
    { scope: 'modify_settings:any' },
    'permission-denied',
  ],
  ['without a reason', { session: 's' }, {}, 'body-invalid'],
  ['of two targets', { session: 's', user: 'user:bob', reason: 'x' }, {}, 'body-invalid'],
  ['of the key of the own token', { key: 'k-own', reason: 'x' }, {}, 'conflict'],
]
for (const [name, body, change, code] of refusedOrders) {
  test(`control refuses an order ${name}, and nothing is revoked`, async () => {
    await using started = await start()
    await assert.rejects(hand(started.gateway, body, change), { code })
    assert.deepEqual(shown(started.gateway), [])
  })
}

test('control refuses what a revoked operator orders, though the gateway has not heard of it', async () => {
  await using started = await start()
  const { gateway } = started
  await order(gateway, { user: 'user:mallory', reason: 'left' })
  const change = { sub: 'user:mallory' }
  await assert.rejects(hand(gateway, { session: 's', reason: 'x' }, change), { code: 'token-revoked' })
})

test('a report of a gateway is taken over once, whoever says it how often, and is published', async () => {
  await using started = await start()
  const { world, gateway } = started
  const facts = reported()
  const { accepted, position } = await gateway.reportRevocations([facts, facts], signal)
  await until(() => shown(gateway).length === 1)
  const [kept] = shown(gateway)
  assert.deepEqual(accepted, [kept?.id, kept?.id])
  assert.deepEqual(kept?.account, facts.account)
  assert.deepEqual(position, gateway.bulletin.position())
  await gateway.reportRevocations([facts], signal)
  const events = await eventsIn(world, 'audit', 'revocation')
  assert.deepEqual(
    events.map(({ user, resource_id: resource, reason }) => [user, resource, reason]),
    [[gateway.spiffeId, 'sid s-1', 'signed out; said by user:bob']],
  )
})

test('a report of a module is refused and is an incident', async () => {
  await using started = await start()
  const { world, gateway } = started
  await using module = await joinModule(await world.boot('notes', 'module'), manifestOf('notes', '/v1/notes'))
  const url = `${world.handle().control}/incidents/revocations`
  const tls = meshClientOptions(module, () => true)
  const asked = exchangeJson({ method: 'POST', url, tls, body: { revocations: [reported()] } })
  await assert.rejects(asked, { code: 'workload-refused' })
  assert.deepEqual(shown(gateway), [])
  await world.stop()
  const [event] = await eventsIn(world, 'refusals', 'revocation')
  assert.deepEqual([event?.user, event?.incident], [module.spiffeId, true])
})

const timed = { issued_until: 0 }
const refusedReports: readonly (readonly [string, () => unknown])[] = [
  ['a list too long', () => Array.from({ length: 201 }, () => reported())],
  ['a key', () => [reported({ kind: 'kid' })]],
  ['a client', () => [reported({ kind: 'client', ...timed })]],
  ['no account', () => [{ ...reported(), account: undefined }]],
  ['an end beyond the longest session', () => [reported({ until: seconds() + 40 * 86_400 })]],
  ['a moment that lies ahead', () => [reported({ kind: 'sub', issued_until: seconds() + 3600 })]],
  ['a kind that nobody knows', () => [{ ...reported(), kind: 'ip' }]],
]
for (const [name, make] of refusedReports) {
  test(`control refuses a report with ${name}`, async () => {
    await using started = await start()
    // What a gateway that was taken over might send.
    const asked = started.gateway.reportRevocations(make() as RevocationFacts[], signal)
    await assert.rejects(asked, { code: 'body-invalid' })
  })
}

test('gateways fill nine tenths of the room and no more, and an operator still finds some', async () => {
  await using started = await start()
  const { world, gateway } = started
  let count = 0
  for (; count < 9_000; count += 200) {
    const account = { reason: 'signed out', by: `user:${count}`, at: seconds() }
    const batch = Array.from({ length: 200 }, (_, at) => reported({ value: `many-${count + at}`, account }))
    const { accepted } = await gateway.reportRevocations(batch, signal)
    assert.equal(Object(accepted).length, 200)
  }
  const { accepted } = await gateway.reportRevocations([reported({ value: 'one more' }), reported()], signal)
  assert.deepEqual(accepted, [])
  await order(gateway, { session: 's', reason: 'there is room' })
  await until(() => shown(gateway).length === 9_001)
  assert.deepEqual(world.faults, [])
})

test('one holder has room for five hundred single tokens, and keeps nobody else out', async () => {
  await using started = await start()
  const { gateway } = started
  const tokens = (from: number, length: number, by: string) =>
    Array.from({ length }, (_, at) =>
      reported({ kind: 'jti', value: `${by} ${from + at}`, account: { reason: 'revoked', by, at: seconds() } }),
    )
  for (const from of [0, 200]) await gateway.reportRevocations(tokens(from, 200, 'user:mallory'), signal)
  const mixed = [...tokens(400, 150, 'user:mallory'), ...tokens(0, 5, 'user:bob'), reported()]
  const { accepted } = await gateway.reportRevocations(mixed, signal)
  assert.equal(Object(accepted).length, 100 + 5 + 1)
  const again = await gateway.reportRevocations(mixed.slice(0, 120), signal)
  assert.equal(Object(again['accepted']).length, 100, 'those that are in force are acknowledged again')
})

test('one holder has room for five hundred sessions, and keeps nobody else out', async () => {
  await using started = await start()
  const { gateway } = started
  const sessions = (from: number, length: number, by: string) =>
    Array.from({ length }, (_, at) =>
      reported({ value: `${by} ${from + at}`, account: { reason: 'signed out', by, at: seconds() } }),
    )
  for (const from of [0, 200]) await gateway.reportRevocations(sessions(from, 200, 'user:mallory'), signal)
  const token = reported({ kind: 'jti', value: 'j', account: { reason: 'revoked', by: 'user:mallory', at: seconds() } })
  const mixed = [...sessions(400, 150, 'user:mallory'), ...sessions(0, 5, 'user:bob'), token]
  const { accepted } = await gateway.reportRevocations(mixed, signal)
  assert.equal(Object(accepted).length, 100 + 5 + 1)
})

test('reports that come at the same time take no more than one share together', async () => {
  await using started = await start()
  const { gateway } = started
  const sessions = (from: number) =>
    Array.from({ length: 200 }, (_, at) =>
      reported({ value: `s ${from + at}`, account: { reason: 'signed out', by: 'user:mallory', at: seconds() } }),
    )
  const told = await Promise.all([0, 200, 400, 600].map((from) => gateway.reportRevocations(sessions(from), signal)))
  const accepted = told.map((report) => Object(report.accepted).length)
  assert.deepEqual(accepted.toSorted(), [0, 100, 200, 200])
  const live = shown(gateway).filter(({ account }) => account?.by === 'user:mallory')
  await until(() => shown(gateway).filter(({ account }) => account?.by === 'user:mallory').length >= 500)
  assert.ok(live.length <= 500)
  const recorded = await eventsIn(started.world, 'audit', 'revocation')
  assert.equal(recorded.filter(({ reason }) => reason?.includes('user:mallory') === true).length, 500)
})

test('sessions that the provider ended, or whose holder nobody knows, are nobody’s share', async () => {
  await using started = await start()
  for (const by of ['https://id.example/realms/pop', 'the holder of a refresh token']) {
    for (let from = 0; from < 600; from += 200) {
      const account = { reason: 'signed out', by, at: seconds() }
      const batch = Array.from({ length: 200 }, (_, at) => reported({ value: `${by} ${from + at}`, account }))
      const { accepted } = await started.gateway.reportRevocations(batch, signal)
      assert.equal(Object(accepted).length, 200)
    }
  }
})

test('what has ended is swept, and followers are told', async () => {
  await using started = await start()
  const { gateway, world } = started
  await gateway.reportRevocations([reported({ until: seconds() + 1 })], signal)
  await until(() => shown(gateway).length === 1)
  await new Promise((resolve) => setTimeout(resolve, 1_500))
  // A start sweeps too, so that nobody waits for the timer here.
  await world.restart()
  await until(() => shown(gateway).length === 0)
})
