import assert from 'node:assert/strict'
import { randomUUID } from 'node:crypto'
import { readdir } from 'node:fs/promises'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { test } from 'node:test'
import { readAudit, type AuditEvent } from '@pop-api/audit'
import { mintTxnToken, type TokenSigner, type TxnClaims } from '@pop-api/protocol'
import {
  exchangeJson,
  joinGateway,
  joinModule,
  meshClientOptions,
  type GatewayMembership,
  type Membership,
} from '@pop-api/workload'
import { domain, manifestOf, settingsWith, startTestControl, type TestControl } from '../test-world.ts'

const policy = {
  roles: { admin: ['modify_settings'], reader: ['view_public_resources'] },
  module_permissions: {},
  grants: {},
}
const path = '/v1/pop/settings'
const patch = { limits: { caller_rate: 7 } }

interface Change {
  readonly claims?: Partial<TxnClaims>
  readonly tctx?: Partial<TxnClaims['tctx']>
  readonly rctx?: Partial<TxnClaims['rctx']>
  readonly signer?: TokenSigner
}

/** The token of a change of settings as a gateway mints it, with what a test changes. */
function tokenOf(gateway: GatewayMembership, { claims, tctx, rctx, signer }: Change = {}): string {
  const iat = Math.floor(Date.now() / 1000)
  return mintTxnToken(
    {
      iss: gateway.spiffeId,
      iat,
      exp: iat + 60,
      aud: domain,
      txn: randomUUID(),
      sub: 'user:7f',
      scope: 'modify_settings:any',
      req_wl: gateway.spiffeId,
      rctx: { req_ip: '127.0.0.1', name: 'alice', acr: 'pop-mfa', ...rctx },
      tctx: { module: 'pop', operation: `PATCH ${path}`, target: path, roles: ['admin'], decision: 'd-1', ...tctx },
      ...claims,
    },
    signer ?? gateway.txnSigner,
  )
}

function hand(gateway: GatewayMembership, txnToken: string, body: unknown = patch, ifMatch?: string) {
  return gateway.handToControl({ method: 'PATCH', path, txnToken, requestId: 'r-1', body, ifMatch })
}

/** The same request over the certificate of somebody else. */
function handAs(world: TestControl, member: Membership, txnToken: string): Promise<unknown> {
  const url = `${world.handle().control}${path}`
  const tls = meshClientOptions(member, () => true)
  return exchangeJson({ method: 'PATCH', url, tls, body: patch, headers: { 'txn-token': txnToken } })
}

async function start(change: Parameters<typeof startTestControl>[0] = {}) {
  await using stack = new AsyncDisposableStack()
  const world = stack.use(await startTestControl({ policy, ...change }))
  const gateway = stack.use(await joinGateway(await world.boot('gateway-1', 'gateway')))
  const owned = stack.move()
  return { world, gateway, [Symbol.asyncDispose]: () => owned.disposeAsync() }
}

function rateOf(gateway: Membership): unknown {
  return Reflect.get(Object(gateway.bulletin.section('settings')?.['limits']), 'caller_rate')
}

async function until(isSo: () => boolean): Promise<void> {
  while (!isSo()) await new Promise((resolve) => setTimeout(resolve, 10))
}

function eventsIn(world: TestControl, folder: 'audit' | 'refusals'): Promise<AuditEvent[]> {
  return Array.fromAsync(readAudit(join(world.home, folder)))
}

test('control takes a change that a gateway hands on, publishes it, and keeps it over a restart and another pop.yaml', async () => {
  await using started = await start()
  const { world, gateway } = started
  const answer = await hand(gateway, tokenOf(gateway))
  assert.equal(Object(Object(answer['settings'])['limits'])['caller_rate'], 7)
  await until(() => rateOf(gateway) === 7)
  const file = settingsWith('basic')
  await world.restart({ settings: { ...file, limits: { ...file.limits, caller_rate: 50, caller_burst: 60 } } })
  await until(() => Object(gateway.bulletin.section('settings')?.['limits'])['caller_burst'] === 60)
  assert.equal(rateOf(gateway), 7, 'what was changed while running stands above the file')
  const back = await hand(gateway, tokenOf(gateway), { limits: { caller_rate: null } })
  assert.equal(Object(Object(back['settings'])['limits'])['caller_rate'], 50)
})

test('onSettings is told of the settings at the start and after each change of them, and of no other change', async () => {
  const levels: string[] = []
  await using started = await start({ onSettings: ({ log: { level } }) => levels.push(level) })
  const { world, gateway } = started
  await hand(gateway, tokenOf(gateway), { log: { level: 'error' } })
  await hand(gateway, tokenOf(gateway), {})
  await using _module = await joinModule(await world.boot('notes', 'module'), manifestOf('notes', '/v1/notes'))
  assert.deepEqual(levels, ['info', 'error'])
})

const wrong: readonly (readonly [string, Change, RegExp])[] = [
  ['of another operation', { tctx: { operation: 'POST /v1/pop/test-tokens' } }, /another operation/],
  ['of another target', { tctx: { target: '/v1/pop/settings?x=1' } }, /another target/],
  [
    'of an operation of a module',
    { tctx: { module: 'kafka_service', operation: 'PATCH /topics/{topic}', target: '/v1/kafka/topics/a' } },
    /another module/,
  ],
  ['of the same path at a module', { tctx: { module: 'kafka_service' } }, /another module/],
  ['of another trust domain', { claims: { aud: 'other.internal' } }, /another audience/],
  ['made for another workload', { claims: { req_wl: `spiffe://${domain}/gateway/gateway-9` } }, /presents it/],
  ['of a caller whose roles may not', { tctx: { roles: ['reader'] } }, /policy of control/],
  ['of a caller without roles', { tctx: { roles: [] } }, /policy of control/],
  ['with the scope of something else', { claims: { scope: 'view_metrics:any' } }, /policy of control/],
  ['that has ended', { claims: { iat: 1_000_000, exp: 1_000_060 } }, /expired/],
]

for (const [name, change, detail] of wrong) {
  test(`control refuses a transaction token ${name}`, async () => {
    await using started = await start()
    const { gateway } = started
    await assert.rejects(hand(gateway, tokenOf(gateway, change)), { name: 'PopError', message: detail })
    await assert.rejects(hand(gateway, 'x'), { name: 'PopError', code: 'seal-txn' })
    await hand(gateway, tokenOf(gateway))
  })
}

test('control takes a transaction token once, also when it was refused for what came with it, and after a restart', async () => {
  await using started = await start()
  const { world, gateway } = started
  const used = tokenOf(gateway)
  await hand(gateway, used)
  await assert.rejects(hand(gateway, used), { message: /used before/ })
  const spoiled = tokenOf(gateway)
  await assert.rejects(hand(gateway, spoiled, { roles: {} }), { code: 'body-invalid' })
  await world.restart()
  await assert.rejects(hand(gateway, spoiled), { message: /used before/ })
  await assert.rejects(hand(gateway, used), { message: /used before/ })
})

test('control refuses the token of one gateway from another, and from a module, and records both as incidents', async () => {
  await using started = await start()
  const { world, gateway } = started
  await using other = await joinGateway(await world.boot('gateway-2', 'gateway'))
  await using module = await joinModule(await world.boot('notes', 'module'), manifestOf('notes', '/v1/notes'))
  const token = tokenOf(gateway)
  await assert.rejects(handAs(world, other, token), { name: 'PopError', code: 'seal-identity' })
  await assert.rejects(handAs(world, module, token), { name: 'PopError', code: 'workload-refused' })
  const stolen = tokenOf(gateway, { signer: other.txnSigner })
  await assert.rejects(handAs(world, gateway, stolen), { name: 'PopError', code: 'seal-txn' })
  await hand(gateway, token)
  await world.stop()
  const incidents = (await eventsIn(world, 'refusals')).filter(({ incident }) => incident === true)
  assert.deepEqual(incidents.map(({ user, action, reason }) => `${user} ${action} ${reason}`).sort(), [
    `${gateway.spiffeId} settings_change seal-txn`,
    `${other.spiffeId} settings_change seal-identity`,
    `${module.spiffeId} settings_change workload-refused`,
  ])
})

test('control compares If-Match within the change: of two that read the same one is refused', async () => {
  await using started = await start()
  const { gateway } = started
  const { etag } = await hand(gateway, tokenOf(gateway), {})
  const both = await Promise.allSettled(
    [8, 9].map((caller_rate) => hand(gateway, tokenOf(gateway), { limits: { caller_rate } }, String(etag))),
  )
  assert.deepEqual(both.map(({ status }) => status).sort(), ['fulfilled', 'rejected'])
  const refused = both.find(({ status }) => status === 'rejected')
  assert.equal(refused?.status === 'rejected' && Reflect.get(Object(refused.reason), 'code'), 'precondition-failed')
})

for (const [name, stored] of [
  ['that this version does not know', '{"limits":{"caller_rte":5}}'],
  ['with a value out of its bounds', '{"limits":{"caller_rate":0}}'],
  ['of a key that is live no more', '{"protocol":{"digest_body_max":1024}}'],
  ['that is no JSON', '{"limits":'],
] as const) {
  test(`control drops an overlay ${name}, says so, records it, and starts`, async () => {
    await using started = await start()
    const { world, gateway } = started
    await hand(gateway, tokenOf(gateway))
    await world.stop()
    const database = new DatabaseSync(join(world.home, 'state.db'))
    database.prepare(`update facts set value = ? where name = 'settings_overlay'`).run(stored)
    database.close()
    await world.restart()
    await until(() => rateOf(gateway) === 200)
    assert.match(String(world.faults.at(-1)), /changed while running does not hold any more and was dropped: /)
    const [drop] = (await eventsIn(world, 'audit')).filter(({ action }) => action === 'settings_overlay_drop')
    assert.equal(drop?.status, 'failure')
    assert.match(drop?.reason ?? '', /expected/)
    await hand(gateway, tokenOf(gateway))
  })
}

test('control makes test tokens where they are allowed, with a key that is on no disk and that no module sees', async () => {
  await using started = await start({ settings: settingsWith('full', { allow_test_tokens: true }) })
  const { world, gateway } = started
  await using module = await joinModule(await world.boot('notes', 'module'), manifestOf('notes', '/v1/notes'))
  const [key, ...others] = gateway.bulletin.section('trust')?.test_keys ?? []
  assert.equal(key?.owner, 'urn:pop:test')
  assert.deepEqual(others, [])
  assert.equal(module.bulletin.section('trust')?.test_keys, undefined)
  assert.ok((await readdir(join(world.home, 'keys'))).every((name) => !name.includes('test')))
  await mint(gateway)
  const again = tokenOf(gateway, { tctx: testTokens, rctx: { test_token: true } })
  await assert.rejects(mint(gateway, again), { code: 'permission-denied' })
  await world.restart()
  await until(() => gateway.bulletin.section('trust')?.test_keys?.[0]?.kid !== key?.kid)
})

for (const [name, settings] of [
  ['in production', { ...settingsWith('full'), environment: 'production' }],
  [
    'in production, whatever its block says',
    { ...settingsWith('full', { allow_test_tokens: true }), environment: 'production' },
  ],
  ['where the environment does not allow it', settingsWith('full')],
] as const) {
  test(`control has no key of test tokens ${name}, and records who asks for one`, async () => {
    await using started = await start({ settings })
    const { world, gateway } = started
    assert.equal(gateway.bulletin.section('trust')?.test_keys, undefined)
    await assert.rejects(mint(gateway), { name: 'PopError', code: 'test-tokens-not-allowed' })
    const [event] = (await eventsIn(world, 'audit')).filter(({ action }) => action === 'test_token_mint')
    assert.deepEqual([event?.status, event?.incident, event?.user], ['refused', true, 'alice'])
  })
}

const testTokens = { operation: 'POST /v1/pop/test-tokens', target: '/v1/pop/test-tokens' }

function mint(gateway: GatewayMembership, txnToken = tokenOf(gateway, { tctx: testTokens })) {
  const body = { roles: ['reader'] }
  const operation = { method: 'POST', path: '/v1/pop/test-tokens', body, ifMatch: undefined } as const
  return gateway.handToControl({ ...operation, txnToken, requestId: 'r-2' })
}
