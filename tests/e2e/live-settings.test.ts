import assert from 'node:assert/strict'
import { join } from 'node:path'
import { after, before, test } from 'node:test'
import { startPop, type ClientAnswer, type Pop } from '@pop-api/testkit'
import { joinGateway } from '@pop-api/workload'
import { kafka } from '../kafka.ts'

const path = '/v1/pop/settings'
const mergePatch = { 'content-type': 'application/merge-patch+json' }
let pop: Pop
const tokens: Record<string, string> = {}

before(async () => {
  pop = await startPop({ modules: [kafka] })
  for (const { username } of pop.users.users) tokens[username] = await pop.token(username)
})

after(async () => {
  await pop[Symbol.asyncDispose]()
})

function patch(body: unknown, fields: Readonly<Record<string, string>> = {}, user = 'alice'): Promise<ClientAnswer> {
  return pop.call(tokens[user], 'PATCH', path, body, { ...mergePatch, ...fields })
}

async function present(): Promise<ClientAnswer> {
  const answer = await pop.call(tokens['alice'], 'GET', path)
  assert.equal(answer.status, 200)
  return answer
}

function limitOf({ body }: ClientAnswer, name: string): unknown {
  return Object(body['limits'])[name]
}

test('PATCH /v1/pop/settings is in force once it is answered, here and at every other gateway, and null takes it back', async () => {
  const { control, home } = pop
  const boot = {
    name: 'gateway-2',
    home: join(home, 'gateway-2'),
    listen: {},
    admin: control.admin,
    anchor: { root_spki_sha256: control.rootSpkiSha256 },
    token: control.issueToken({ name: 'gateway-2', kind: 'gateway' }),
  }
  await using other = await joinGateway(boot)
  const told = new Promise((resolve) => other.bulletin.onChange((section) => section === 'settings' && resolve('told')))
  const before = limitOf(await present(), 'caller_rate')
  const changed = await patch({ limits: { caller_rate: 1, caller_burst: 1 } })
  assert.equal(changed.status, 200)
  assert.deepEqual(changed.body['overlay'], { limits: { caller_rate: 1, caller_burst: 1 } })
  const statuses = await Promise.all(
    [1, 2, 3, 4].map(async () => (await pop.call(tokens['bob'], 'GET', '/v1/kafka/topics')).status),
  )
  assert.ok(statuses.includes(429), String(statuses))
  assert.equal(await told, 'told')
  assert.equal(Object(other.bulletin.section('settings')?.['limits'])['caller_rate'], 1)
  // alice is limited as well now.
  const back = await untilTaken(() => patch({ limits: null }))
  assert.equal(limitOf(back, 'caller_rate'), before)
  assert.deepEqual(back.body['overlay'], {})
  assert.equal((await present()).headers['etag'], back.headers['etag'])
})

async function untilTaken(ask: () => Promise<ClientAnswer>): Promise<ClientAnswer> {
  for (;;) {
    const answer = await ask()
    if (answer.status !== 429) return answer
    await new Promise((resolve) => setTimeout(resolve, 200))
  }
}

test('a change of settings stands in the logs of gateway and control under one request and transaction', async () => {
  const changed = await patch({ limits: { sign_in_burst: 77 } })
  const id = String(changed.headers['x-request-id'])
  const gateway = await pop.audit('gateway', { request_id: id })
  assert.deepEqual(
    gateway.map(({ action, status, user, operation }) => [action, status, user, operation]),
    [
      ['settings_change', 'opened', 'alice', 'PATCH /v1/pop/settings'],
      ['settings_change', 'success', 'alice', 'PATCH /v1/pop/settings'],
    ],
  )
  const control = await pop.audit('control', { request_id: id })
  assert.deepEqual(
    control.map(({ action, status, user, reason }) => [action, status, user, reason]),
    [
      ['settings_change', 'opened', 'alice', undefined],
      ['settings_change', 'success', 'alice', 'limits.sign_in_burst: 100 → 77'],
    ],
  )
  assert.equal(new Set([...gateway, ...control].map(({ txn }) => txn)).size, 1)
  await patch({ limits: { sign_in_burst: null } })
})

for (const user of ['bob', 'carol']) {
  test(`${user}, who has no modify_settings, changes no settings`, async () => {
    assert.equal((await patch({ limits: { caller_rate: 5 } }, {}, user)).status, 403)
    assert.equal(limitOf(await present(), 'caller_rate'), 200)
  })
}

const refused: readonly (readonly [string, unknown, number, RegExp])[] = [
  [
    'a key of an environment',
    { environments: { development: { allow_test_tokens: true } } },
    422,
    /environments.*live/,
  ],
  ['allow_test_tokens in another place', { security_config: { allow_test_tokens: true } }, 422, /security_config/],
  ['roles', { roles: { reader: ['modify_settings'] } }, 422, /\/roles: expected a key that is live/],
  ['operators', { operators: { reader: ['operator'] } }, 422, /\/operators: expected a key that is live/],
  ['a switch of the overlay itself', { overlay: { limits: {} } }, 422, /\/overlay: expected a known key/],
  ['a key that is not live', { protocol: { digest_body_max: 1024 } }, 422, /\/protocol: expected a key that is live/],
  ['an unknown key', { limits: { caller_rte: 5 } }, 422, /\/limits\/caller_rte: .*did you mean caller_rate/],
  [
    'the key constructor',
    { constructor: { prototype: { caller_rate: 1 } } },
    422,
    /\/constructor: expected a known key/,
  ],
  ['the key constructor in a block', { limits: { constructor: 1 } }, 422, /\/limits\/constructor: expected a known/],
  ['a list where a map is', { limits: [1, 2] }, 422, /\/limits: expected a map, found a list/],
  ['a list as the whole', [], 422, /expected a map of blocks, found a list/],
  ['null as the whole', null, 422, /expected a map of blocks, found nothing/],
  ['a text for a number', { limits: { caller_rate: '5' } }, 422, /caller_rate: expected a whole number, found "5"/],
  ['a fraction', { limits: { caller_rate: 1.5 } }, 422, /caller_rate: expected a whole number/],
  ['a number below its bound', { limits: { caller_rate: 0 } }, 422, /caller_rate: expected at least 1, found 0/],
  [
    'a number above its bound',
    { limits: { module_silence_ms: 600_001 } },
    422,
    /expected at most 600000, found 600001/,
  ],
  ['a level that is none', { log: { level: 'debug' } }, 422, /\/log\/level: expected info or warn or error/],
  ['a good key beside a bad one', { limits: { caller_rate: 5, x: 1 } }, 422, /\/limits\/x/],
  ['more than a body may have', { limits: { x: 'a'.repeat(8192) } }, 413, /at most 4096 bytes/],
]

for (const [name, body, status, detail] of refused) {
  test(`PATCH /v1/pop/settings refuses ${name}, says where, and changes nothing`, async () => {
    const before = (await present()).headers['etag']
    const answer = await patch(body)
    assert.equal(answer.status, status, JSON.stringify(answer.body))
    const { errors = [], detail: said } = answer.body
    const faults = Object.values(Object(errors)).map((fault) => `${Object(fault).pointer}: ${Object(fault).message}`)
    assert.match([said, ...faults].join('\n'), detail)
    assert.equal((await present()).headers['etag'], before)
  })
}

const raw: readonly (readonly [string, string])[] = [
  ['two members of one name', '{"limits":{"caller_rate":5,"caller_rate":6}}'],
  ['the member __proto__', '{"__proto__":{"limits":{"caller_rate":5}}}'],
  ['the member __proto__ in a block', '{"limits":{"__proto__":{"caller_rate":5}}}'],
  ['a number that readers round', '{"limits":{"caller_rate":9007199254740993}}'],
  ['a number without end', '{"limits":{"caller_rate":1e999}}'],
  ['what is no JSON', '{"limits":'],
  ['nothing', ''],
]

for (const [name, body] of raw) {
  test(`PATCH /v1/pop/settings refuses ${name} before anybody reads it`, async () => {
    const before = (await present()).headers['etag']
    const head = [
      `PATCH ${path} HTTP/1.1`,
      'Host: localhost',
      `Authorization: Bearer ${tokens['alice']}`,
      'Content-Type: application/merge-patch+json',
      `Content-Length: ${Buffer.byteLength(body)}`,
    ]
    const answer = await pop.raw(`${head.join('\r\n')}\r\n\r\n${body}`)
    assert.match(answer, /^HTTP\/1\.1 400 .*body-malformed/s)
    assert.equal((await present()).headers['etag'], before)
  })
}

test('PATCH /v1/pop/settings takes merge patches alone, and no query', async () => {
  for (const type of ['application/json', 'application/json-patch+json', 'text/plain']) {
    const answer = await patch({ limits: { caller_rate: 5 } }, { 'content-type': type })
    assert.equal(answer.status, 415, type)
    assert.equal(answer.headers['accept-patch'], 'application/merge-patch+json')
  }
  const asked = await pop.call(tokens['alice'], 'PATCH', `${path}?force=1`, { limits: {} }, mergePatch)
  assert.equal(asked.body['code'], 'parameter-invalid')
})

test('If-Match lets a change through only while the settings are those that were read', async () => {
  const { headers } = await present()
  const first = await patch({ limits: { caller_burst: 401 } }, { 'if-match': String(headers['etag']) })
  assert.equal(first.status, 200)
  const second = await patch({ limits: { caller_burst: 402 } }, { 'if-match': String(headers['etag']) })
  assert.equal(second.status, 412)
  assert.equal(second.body['code'], 'precondition-failed')
  assert.equal((await patch({ limits: {} }, { 'if-match': `W/${String(first.headers['etag'])}` })).status, 412)
  assert.equal((await patch({ limits: {} }, { 'if-match': 'nonsense' })).status, 400)
  assert.equal(limitOf(await present(), 'caller_burst'), 401)
  assert.equal((await patch({ limits: null }, { 'if-match': '*' })).status, 200)
})

test('nothing went wrong inside', () => {
  assert.deepEqual(pop.failures, [])
})

test('PATCH /v1/pop/settings without control is 503, changes nothing and says so', async () => {
  await using other = await startPop()
  const token = await other.token('alice')
  await other.control[Symbol.asyncDispose]()
  const answer = await other.call(token, 'PATCH', path, { limits: { caller_rate: 5 } }, mergePatch)
  assert.equal(answer.status, 503)
  assert.equal(answer.body['code'], 'control-unavailable')
  assert.match(String(answer.body['detail']), /nothing was changed/)
  assert.equal(answer.body['outcome'], 'nothing')
  assert.equal(answer.headers['retry-after'], '5')
  assert.equal(limitOf(await other.call(token, 'GET', path), 'caller_rate'), 200)
  const events = await other.audit('gateway', { action: 'settings_change' })
  assert.deepEqual(
    events.map(({ status, reason }) => [status, reason === 'control-unavailable']),
    [
      ['opened', false],
      ['failure', true],
    ],
  )
})
