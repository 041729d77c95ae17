import assert from 'node:assert/strict'
import { randomBytes, randomUUID } from 'node:crypto'
import { after, before, test } from 'node:test'
import { developmentSettings } from '@pop-api/settings'
import { startPop, type Pop } from '@pop-api/testkit'
import { emptyFiles, filesModule, zeros } from '../files.ts'
import { kafka } from '../kafka.ts'

const files = emptyFiles()
let pop: Pop
let bob = ''
let carol = ''

before(async () => {
  // Every request comes from one address, and none is to be refused for its number.
  const limits = ['caller', 'address', 'sign_in'].map((who) => `  ${who}_rate: 100000\n  ${who}_burst: 100000\n`)
  const settings = `${developmentSettings}limits:\n${limits.join('')}`
  pop = await startPop({ modules: [kafka, filesModule(files)], settings })
  bob = await pop.token('bob')
  carol = await pop.token('carol')
})

after(async () => {
  await pop[Symbol.asyncDispose]()
})

/** Every series with its value. */
async function series(): Promise<ReadonlyMap<string, number>> {
  const text = await (await fetch(`${pop.operations}/metrics`)).text()
  const lines = text.split('\n').filter((line) => line !== '' && !line.startsWith('#'))
  return new Map(lines.map((line) => [line.slice(0, line.lastIndexOf(' ')), Number(line.slice(line.lastIndexOf(' ')))]))
}

/** How much each series grew, without those that grow by themselves and the sums of times. */
async function growth(act: () => Promise<unknown>): Promise<Readonly<Record<string, number>>> {
  const earlier = await series()
  await act()
  const grown = [...(await series())].map(([name, value]) => [name, value - (earlier.get(name) ?? 0)] as const)
  const counted = /^pop_(requests_total|request_seconds_count|refusals|token|sign_in|seal|upstream_(failures|stream))/
  return Object.fromEntries(grown.filter(([name, by]) => by !== 0 && counted.test(name)))
}

function requestsTo(service: string, operation: string, status: number, count = 1): Readonly<Record<string, number>> {
  const labels = `service="${service}",operation="${operation}"`
  return {
    [`pop_requests_total{${labels},status="${status}"}`]: count,
    [`pop_request_seconds_count{${labels}}`]: count,
  }
}

const refusal = (stage: string, code: string) => ({ [`pop_refusals_total{stage="${stage}",code="${code}"}`]: 1 })
const tokenFailure = (reason: string) => ({ [`pop_token_failures_total{reason="${reason}"}`]: 1 })
const signInFailure = (reason: string, action = 'sign_in') => ({
  [`pop_sign_in_failures_total{action="${action}",reason="${reason}"}`]: 1,
})
const topics = '/v1/kafka/topics'

test('/metrics counts what succeeds, by operation, and nothing as refused', async () => {
  const grown = await growth(async () => {
    assert.equal((await pop.call(bob, 'POST', topics, { topic_name: 'counted' })).status, 201)
    assert.equal((await pop.call(bob, 'GET', `${topics}/counted`)).status, 200)
    assert.equal((await pop.call(bob, 'GET', `${topics}/counted`)).status, 200)
    // What a module answers is no refusal of the gateway.
    assert.equal((await pop.call(bob, 'GET', `${topics}/absent`)).status, 404)
  })
  const reading = 'service="kafka_service",operation="GET /topics/{topic}"'
  assert.deepEqual(grown, {
    ...requestsTo('kafka_service', 'POST /topics', 201),
    [`pop_requests_total{${reading},status="200"}`]: 2,
    [`pop_requests_total{${reading},status="404"}`]: 1,
    [`pop_request_seconds_count{${reading}}`]: 3,
  })
  const present = await series()
  assert.equal(present.get('pop_upstream_up{service="kafka_service",service_instance="1"}'), 1)
  assert.equal(present.get('pop_upstream_in_flight{service="kafka_service",service_instance="1"}'), 0)
  assert.equal(present.get('pop_audit_waiting'), 0)
})

interface Case {
  readonly what: string
  readonly act: () => Promise<unknown>
  readonly counts: Readonly<Record<string, number>>
}

const cut = (token: string): string => `${token.slice(0, -6)}AAAAAA`

const cases: readonly Case[] = [
  {
    what: 'a target that can be read in two ways, at receive',
    act: () => pop.raw('GET /.. HTTP/1.1\r\nHost: localhost\r\n\r\n'),
    counts: refusal('receive', 'ambiguous-target'),
  },
  {
    what: 'bytes that are no request, at receive',
    act: () => pop.raw('nonsense\r\n\r\n'),
    counts: refusal('receive', 'malformed-request'),
  },
  {
    what: 'a path that leads nowhere, at route',
    act: () => pop.call(bob, 'GET', '/v1/nowhere'),
    counts: { ...refusal('route', 'no-such-operation'), ...requestsTo('gateway', 'none', 404) },
  },
  {
    what: 'a method that is not offered, at route',
    act: () => pop.call(bob, 'PUT', topics, {}),
    counts: { ...refusal('route', 'method-not-allowed'), ...requestsTo('gateway', 'none', 405) },
  },
  {
    what: 'no token, at identify',
    act: () => pop.call(undefined, 'GET', topics),
    counts: {
      ...refusal('identify', 'credential-missing'),
      ...tokenFailure('credential-missing'),
      ...requestsTo('kafka_service', 'GET /topics', 401),
    },
  },
  {
    what: 'a token whose signature is wrong, at identify',
    act: () => pop.call(cut(bob), 'GET', topics),
    counts: {
      ...refusal('identify', 'token-invalid'),
      ...tokenFailure('signature'),
      ...requestsTo('kafka_service', 'GET /topics', 401),
    },
  },
  {
    what: 'a token that is none, at identify',
    act: () => pop.call('no.token.this', 'GET', topics),
    counts: {
      ...refusal('identify', 'token-malformed'),
      ...tokenFailure('token-malformed'),
      ...requestsTo('kafka_service', 'GET /topics', 401),
    },
  },
  {
    what: 'what the policy denies, at permit',
    act: () => pop.call(carol, 'DELETE', `${topics}/counted`),
    counts: {
      ...refusal('permit', 'permission-denied'),
      ...requestsTo('kafka_service', 'DELETE /topics/{topic}', 403),
    },
  },
  {
    what: 'a body that does not fit its schema, at validate',
    act: () => pop.call(bob, 'POST', topics, { topic_name: 1 }),
    counts: { ...refusal('validate', 'body-invalid'), ...requestsTo('kafka_service', 'POST /topics', 422) },
  },
  {
    what: 'a wrong password, at serve',
    act: () => pop.signIn('alice', { password: 'wrong' }),
    counts: {
      ...refusal('serve', 'sign-in-refused'),
      ...signInFailure('sign-in-refused'),
      ...requestsTo('gateway', 'POST /oauth/token', 400),
    },
  },
  {
    what: 'a sign-in without a code, at serve, with what the gateway alone knows',
    act: () => pop.signIn('alice', { totp: '' }),
    counts: {
      ...refusal('serve', 'sign-in-refused'),
      ...signInFailure('second-factor-missing'),
      ...requestsTo('gateway', 'POST /oauth/token', 400),
    },
  },
  {
    what: 'a refresh token that is none, at serve',
    act: () => pop.form('/oauth/token', { grant_type: 'refresh_token', refresh_token: 'none' }),
    counts: {
      ...refusal('serve', 'sign-in-refused'),
      ...signInFailure('sign-in-refused', 'token_refresh'),
      ...requestsTo('gateway', 'POST /oauth/token', 400),
    },
  },
]

for (const { what, act, counts } of cases) {
  test(`/metrics counts ${what}`, async () => {
    assert.deepEqual(await growth(act), counts)
  })
}

test('/metrics counts the bytes of a streamed answer and of an upload, once each has ended', async () => {
  files.answer = () => ({ bytes: zeros(700_000, 65_536), lengthBytes: 700_000 })
  const grown = await growth(async () => {
    assert.match(
      await pop.raw(
        `GET /v1/files/file HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer ${bob}\r\nConnection: close\r\n\r\n`,
      ),
      /^HTTP\/1\.1 200 /,
    )
    assert.equal((await pop.call(bob, 'PUT', '/v1/files/file', 'x'.repeat(300_000))).status, 201)
  })
  const bytes = 'pop_upstream_stream_bytes_total{service="files",service_instance="1"'
  assert.deepEqual(grown, {
    ...requestsTo('files', 'GET /file', 200),
    ...requestsTo('files', 'PUT /file', 201),
    [`${bytes},direction="answer"}`]: 700_000,
    // With the quotes of JSON.
    [`${bytes},direction="request"}`]: 300_002,
  })
})

test('no client makes a series: a flood of made-up paths, methods, users, tokens and traces adds none', async () => {
  const some = (): string => randomBytes(6).toString('hex')
  const flood = (count: number): Promise<unknown> =>
    Promise.all(
      Array.from({ length: count }, async () => {
        await pop.call(bob, 'GET', `/v1/${some()}/${some()}`)
        await pop.call(bob, 'GET', `${topics}/${some()}`)
        await pop.call(some(), 'GET', `${topics}?${some()}=${some()}`)
        await pop.call(undefined, 'POST', `/${some()}`, {}, { traceparent: some(), [`x-${some()}`]: some() })
        await pop.raw(`${some().toUpperCase()} /${some()} HTTP/1.1\r\nHost: ${some()}\r\n\r\n`)
        await pop.raw(`OPTIONS /${some()} HTTP/1.1\r\nHost: ${some()}\r\nConnection: close\r\n\r\n`)
        await pop.form('/oauth/token', {
          grant_type: 'password',
          username: some(),
          password: randomUUID(),
          totp: '123456',
        })
        await pop.form('/oauth/token', { grant_type: some(), client_id: some(), client_secret: some() })
      }),
    )
  await flood(1)
  const earlier = [...(await series()).keys()]
  await flood(15)
  assert.deepEqual([...(await series()).keys()], earlier)
})

for (const [stage, who] of [
  ['admit', 'address'],
  ['limit', 'caller'],
]) {
  test(`/metrics counts what comes too often, at ${stage}`, async () => {
    const low = { [`${who}_rate`]: 1, [`${who}_burst`]: 1 }
    await pop.changeSettings((settings) => ({ ...settings, limits: { ...settings.limits, ...low } }))
    let refused = 0
    const grown = await growth(async () => {
      for (let index = 0; index < 8; index++) if ((await pop.call(bob, 'GET', topics)).status === 429) refused++
    })
    assert.ok(refused > 0)
    assert.equal(grown[`pop_refusals_total{stage="${stage}",code="rate-limited"}`], refused)
    const high = { [`${who}_rate`]: 100_000, [`${who}_burst`]: 100_000 }
    await pop.changeSettings((settings) => ({ ...settings, limits: { ...settings.limits, ...high } }))
  })
}

test('nothing inside went wrong', () => {
  assert.deepEqual(pop.failures, [])
})
