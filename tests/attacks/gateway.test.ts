import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { after, before, test } from 'node:test'
import { readAudit } from '@pop-api/audit'
import { startPop, type Pop } from '@pop-api/testkit'
import { kafka } from '../kafka.ts'
import { root } from '../tree.ts'

let pop: Pop
let token = ''
const crlf = '\r\n'

before(async () => {
  pop = await startPop({ modules: [kafka] })
  token = await pop.token('alice')
  const created = await pop.call(token, 'POST', '/v1/kafka/topics', { topic_name: 'kept', visibility: 'public' })
  assert.equal(created.status, 201)
})

after(async () => {
  await pop[Symbol.asyncDispose]()
})

interface Raw {
  readonly line?: string
  readonly host?: string
  /** Whole lines beside Host and Authorization. */
  readonly fields?: readonly string[]
  readonly body?: string
}

function bytesOf({ line, host = 'Host: localhost', fields = [], body = '' }: Raw): string {
  const requestLine = line ?? 'GET /v1/kafka/topics/kept HTTP/1.1'
  return [requestLine, host, `Authorization: Bearer ${token}`, ...fields, '', body]
    .filter((part, index) => index !== 1 || part !== '')
    .join(crlf)
}

/** How many requests the module saw of what was sent: each leaves one event of its own at the module. */
async function seenByModule(send: () => Promise<string>): Promise<{ readonly seen: number; readonly answer: string }> {
  const before = (await pop.audit('kafka_service')).length
  const answer = await send()
  return { seen: (await pop.audit('kafka_service')).length - before, answer }
}

async function refuses(name: string, raw: Raw, statuses: readonly number[]): Promise<void> {
  const { seen, answer } = await seenByModule(() => pop.raw(bytesOf(raw)))
  assert.equal(seen, 0, `${name}: the module saw ${seen}`)
  const status = Number(/^HTTP\/1\.1 (\d{3})/.exec(answer)?.[1])
  assert.ok(statuses.includes(status), `${name}: ${answer.slice(0, 200)}`)
  assert.match(answer, /x-request-id: /i, name)
  assert.match(answer, /x-content-type-options: nosniff/i, name)
  assert.doesNotMatch(answer, /^server:/im, name)
}

test('the module sees a request that is like the attacks below but for one thing', async () => {
  const { seen, answer } = await seenByModule(() => pop.raw(bytesOf({})))
  assert.match(answer, /^HTTP\/1\.1 200 /)
  assert.equal(seen, 1)
})

const topic = '/v1/kafka/topics/kept'
const targets: readonly (readonly [string, string])[] = [
  ['a parent segment', '/v1/kafka/public/../topics/kept'],
  ['an encoded parent segment', '/v1/kafka/%2e%2e/kafka/topics/kept'],
  ['a half-encoded parent segment', '/v1/kafka/.%2e/kafka/topics/kept'],
  ['a dot segment', '/v1/kafka/./topics/kept'],
  ['an encoded slash', '/v1/kafka/topics%2fkept'],
  ['an encoded backslash', '/v1/kafka/topics%5ckept'],
  ['an empty segment', '//v1/kafka/topics/kept'],
  ['an empty segment inside', '/v1/kafka//topics/kept'],
  ['a path parameter', '/v1/kafka;x=1/topics/kept'],
  ['a path parameter at the end', `${topic};x=1`],
  ['a backslash', '/v1\\kafka/topics/kept'],
  ['an encoded NUL', `${topic}%00`],
  ['an encoded NUL in the query', `${topic}?a=%00`],
  ['overlong UTF-8', '/v1/kafka/topics/%c0%ae%c0%ae'],
  ['a lone surrogate', '/v1/kafka/topics/%ed%a0%80'],
  ['a broken escape', '/v1/kafka/topics/%zz'],
  ['a fragment', `${topic}#x`],
  ['the absolute form', `https://localhost${topic}`],
  ['userinfo', `https://admin@localhost${topic}`],
  ['the asterisk form', '*'],
  ['the authority form', 'localhost:443'],
  ['a raw byte above ASCII', '/v1/kafka/topics/\u00e9'],
  ['a double slash that names a host', '//localhost/v1/kafka/topics/kept'],
]
for (const [name, target] of targets) {
  test(`the gateway refuses a target with ${name}`, () => refuses(name, { line: `GET ${target} HTTP/1.1` }, [400]))
}

test('the gateway decodes a path once', () =>
  refuses('a doubly encoded slash', { line: 'GET /v1/kafka/topics%252fkept HTTP/1.1' }, [404]))

test('the gateway serves a path in its exact case only', () =>
  refuses('mixed case', { line: 'GET /V1/Kafka/Topics/kept HTTP/1.1' }, [404]))

const fields: readonly (readonly [string, Raw, number?])[] = [
  ['no Host', { host: '' }],
  ['two Hosts', { fields: ['Host: other'] }],
  ['an empty Host', { host: 'Host:' }],
  ['a Host with userinfo', { host: 'Host: admin@localhost' }],
  ['a Host with a path', { host: 'Host: localhost/x' }],
  ['an underscore twin', { fields: ['X_Forwarded_User: root'] }],
  ['a dotted twin', { fields: ['X.Forwarded.User: root'] }],
  ['__proto__', { fields: ['__proto__: x'] }],
  ['Connection that names another field', { fields: ['Connection: authorization'] }],
  ['Connection that names one of ours', { fields: ['Connection: close, txn-token'] }],
  ['a second Authorization', { fields: ['Authorization: Bearer x'] }],
  ['a second Content-Type', { fields: ['Content-Type: text/plain', 'Content-Type: application/json'] }],
  ['a token and an API key', { fields: ['X-API-Key: pop_x'] }],
  ['a token and a session', { fields: ['Cookie: __Host-pop-session=x'] }],
  ['a folded line', { fields: ['X-Note: a', ' b'] }],
  ['a space before the colon', { fields: ['X-Note : a'] }],
  ['a bare CR in a value', { fields: ['X-Note: a\rb'] }],
  ['a NUL in a value', { fields: ['X-Note: a\u0000b'] }],
  ['a byte above ASCII in a value', { fields: ['X-Note: \u00e9'] }],
  ['an upgrade', { fields: ['Connection: upgrade', 'Upgrade: h2c', 'HTTP2-Settings: x'] }],
  ['a websocket', { fields: ['Connection: upgrade', 'Upgrade: websocket'] }],
  ['another expectation', { fields: ['Expect: 200-ok'] }, 417],
  ['a header section that is too large', { fields: [`X-Note: ${'a'.repeat(17_000)}`] }, 431],
  ['101 fields', { fields: Array.from({ length: 101 }, (_, index) => `X-${index}: a`) }, 431],
]
for (const [name, raw, status = 400] of fields) {
  test(`the gateway refuses ${name}`, () => refuses(name, raw, [status]))
}

const record = '{"records":[{"value":{"type":"STRING","data":"a"}}]}'
const post = (lines: readonly string[], body: string): Raw => ({
  line: `POST ${topic}/records HTTP/1.1`,
  fields: ['Content-Type: application/json', ...lines],
  body,
})
const chunk = `${record.length.toString(16)}${crlf}${record}${crlf}0${crlf}${crlf}`

test('the module sees a body of either framing once', async () => {
  for (const raw of [post([`Content-Length: ${record.length}`], record), post(['Transfer-Encoding: chunked'], chunk)]) {
    const { seen, answer } = await seenByModule(() => pop.raw(bytesOf(raw)))
    assert.match(answer, /^HTTP\/1\.1 200 /)
    assert.equal(seen, 1)
  }
})

const framings: readonly (readonly [string, Raw, (readonly number[])?])[] = [
  ['a length beside chunks', post([`Content-Length: ${record.length}`, 'Transfer-Encoding: chunked'], chunk)],
  ['chunks beside a length', post(['Transfer-Encoding: chunked', 'Content-Length: 4'], chunk)],
  ['two lengths', post([`Content-Length: ${record.length}`, 'Content-Length: 5'], record)],
  ['one length twice', post([`Content-Length: ${record.length}`, `Content-Length: ${record.length}`], record)],
  ['a list of lengths', post([`Content-Length: ${record.length}, ${record.length}`], record)],
  ['a length with a sign', post([`Content-Length: +${record.length}`], record)],
  ['a length with a zero before', post([`Content-Length: 0${record.length}`], record)],
  ['two codings', post(['Transfer-Encoding: chunked', 'Transfer-Encoding: chunked'], chunk)],
  ['gzip and chunks', post(['Transfer-Encoding: gzip, chunked'], chunk)],
  ['identity', post(['Transfer-Encoding: identity'], record)],
  ['a coding in capitals', post(['Transfer-Encoding: CHUNKED'], chunk)],
  ['a bare LF for the end of a line', post(['Transfer-Encoding: chunked'], chunk.replaceAll(crlf, '\n'))],
  ['trailers', post(['Transfer-Encoding: chunked'], chunk.replace(/\r\n$/, `X-User: root${crlf}${crlf}`))],
  ['a chunk that is longer than it says', post(['Transfer-Encoding: chunked'], chunk.replace('}]}', '}]}x'))],
  ['a body of GET', { fields: ['Content-Length: 4'], body: 'abcd' }],
  ['HTTP/1.0', { line: 'GET / HTTP/1.0' }],
  ['HTTP/0.9', { line: 'GET /' }],
  ['another protocol', { line: 'PRI * HTTP/2.0' }],
  ['CONNECT', { line: 'CONNECT localhost:22 HTTP/1.1' }, [400, 405]],
  ['TRACE', { line: `TRACE ${topic} HTTP/1.1` }, [405]],
  ['an unknown method', { line: `QUERY ${topic} HTTP/1.1` }, [400, 405]],
  ['a body above the limit', post(['Content-Length: 262145'], ''), [413]],
]
for (const [name, raw, statuses = [400]] of framings) {
  test(`the gateway refuses ${name}`, () => refuses(name, raw, statuses))
}

test('a chunk extension does not reach the module', async () => {
  const body = chunk.replace(crlf, `;a="${'x'.repeat(20)}"${crlf}`)
  const { seen, answer } = await seenByModule(() => pop.raw(bytesOf(post(['Transfer-Encoding: chunked'], body))))
  assert.ok(seen <= 1)
  assert.equal((answer.match(/^HTTP\/1\.1 /gm) ?? []).length, 1)
})

test('what is pipelined behind a refusal is not served', async () => {
  const smuggled = bytesOf({ line: `DELETE ${topic} HTTP/1.1` })
  const { seen, answer } = await seenByModule(() => pop.raw(bytesOf({ line: 'GET /.. HTTP/1.1' }) + smuggled))
  assert.equal(seen, 0)
  assert.equal((answer.match(/^HTTP\/1\.1 /gm) ?? []).length, 1)
})

test('of each of the published smuggling gadgets the module sees nothing of the smuggled request', async () => {
  // A published file whose shape the count below confirms.
  const { gadgets } = JSON.parse(readFileSync(`${root}vectors/smuggling-gadgets.json`, 'utf8')) as {
    gadgets: Record<string, string>
  }
  const smuggled = bytesOf({ line: `DELETE ${topic} HTTP/1.1` })
  const body = `0${crlf}${crlf}${smuggled}`
  const attacks = Object.values(gadgets).map((gadget) =>
    bytesOf(post([`Content-Length: ${body.length}`, gadget], body)),
  )
  assert.ok(attacks.length > 100)
  const { seen } = await seenByModule(async () => {
    for (let start = 0; start < attacks.length; start += 32) {
      const answers = await Promise.all(attacks.slice(start, start + 32).map((attack) => pop.raw(attack)))
      for (const answer of answers) assert.ok((answer.match(/^HTTP\/1\.1 /gm) ?? []).length <= 1, answer)
    }
    return ''
  })
  assert.equal(seen, 0)
  assert.equal((await pop.call(token, 'GET', topic)).status, 200)
})

test('what the door refuses is counted in a log of its own, by address and reason', async () => {
  await new Promise((resolve) => setTimeout(resolve, 1100))
  const events = await Array.fromAsync(readAudit(`${pop.home}/gateway/refusals`))
  const reasons = new Set(events.map(({ reason }) => reason))
  for (const reason of [
    'ambiguous-target',
    'ambiguous-header',
    'ambiguous-framing',
    'malformed-request',
    'headers-too-large',
  ])
    assert.ok(reasons.has(reason), reason)
  assert.ok(events.every(({ ip_address: address, count }) => address === '127.0.0.1' && (count ?? 0) >= 1))
})

test('nothing went wrong inside', () => {
  assert.deepEqual(pop.failures, [])
})
