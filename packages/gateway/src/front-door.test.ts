import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { connect } from 'node:net'
import { test } from 'node:test'
import { openDoorWorld } from './door-world.ts'
import { securityFields } from './refuse/security-fields.ts'

const crlf = '\r\n'
const head = (line: string, ...fields: readonly string[]): string => [line, ...fields, '', ''].join(crlf)
const post = (...fields: readonly string[]): string => head('POST /a HTTP/1.1', 'Host: localhost', ...fields)

test('openDoor() answers a plain request with the security fields and its id', async () => {
  await using door = await openDoorWorld()
  const answer = await door.send(head('GET /a?b=%41 HTTP/1.1', 'Host: localhost:8443'))
  assert.match(answer, /^HTTP\/1\.1 200 /)
  assert.match(answer, /x-request-id: request-1\r\n/)
  for (const [name, value] of securityFields) assert.ok(answer.includes(`${name}: ${value}${crlf}`), name)
  assert.doesNotMatch(answer, /^server:|x-powered-by/im)
  assert.equal(door.seen[0]?.received.target.text, '/a?b=A')
})

test('openDoor() reads bodies by length and by chunks, and keeps the connection in step', async () => {
  await using door = await openDoorWorld()
  const length = `${post('Content-Length: 3')}abc`
  const chunked = `${post('Transfer-Encoding: chunked')}3;name=value${crlf}abc${crlf}0${crlf}${crlf}`
  const answer = await door.send(length + chunked)
  assert.equal(answer.match(/HTTP\/1\.1 200 /g)?.length, 2)
  assert.deepEqual(
    door.seen.map(({ body }) => body),
    ['abc', 'abc'],
  )
})

/** Name, bytes, status and code of the one answer; nothing of any of them may reach the handler. */
const refused: readonly (readonly [name: string, bytes: string, status: number, code: string])[] = [
  ['a path that climbs', head('GET /public/../admin HTTP/1.1', 'Host: a'), 400, 'ambiguous-target'],
  ['encoded dots', head('GET /%2e%2e/admin HTTP/1.1', 'Host: a'), 400, 'ambiguous-target'],
  ['an encoded slash', head('GET /a%2fb HTTP/1.1', 'Host: a'), 400, 'ambiguous-target'],
  ['an empty segment', head('GET //admin HTTP/1.1', 'Host: a'), 400, 'ambiguous-target'],
  ['a path parameter', head('GET /a;x=1 HTTP/1.1', 'Host: a'), 400, 'ambiguous-target'],
  ['a backslash', head('GET /a\\b HTTP/1.1', 'Host: a'), 400, 'ambiguous-target'],
  ['an encoded NUL', head('GET /a%00 HTTP/1.1', 'Host: a'), 400, 'ambiguous-target'],
  ['overlong UTF-8', head('GET /%c0%ae HTTP/1.1', 'Host: a'), 400, 'ambiguous-target'],
  ['an absolute-form target', head('GET http://a/b HTTP/1.1', 'Host: a'), 400, 'ambiguous-target'],
  ['userinfo in the target', head('GET http://user@a/b HTTP/1.1', 'Host: a'), 400, 'ambiguous-target'],
  ['an asterisk', head('OPTIONS * HTTP/1.1', 'Host: a'), 400, 'ambiguous-target'],
  ['a fragment', head('GET /a#b HTTP/1.1', 'Host: a'), 400, 'ambiguous-target'],
  ['a long target', head(`GET /${'a'.repeat(9000)} HTTP/1.1`, 'Host: a'), 414, 'target-too-long'],
  ['two hosts', head('GET /a HTTP/1.1', 'Host: a', 'Host: b'), 400, 'ambiguous-header'],
  ['no host', head('GET /a HTTP/1.1', 'Accept: */*'), 400, 'ambiguous-header'],
  ['userinfo in the host', head('GET /a HTTP/1.1', 'Host: user@a'), 400, 'ambiguous-header'],
  ['HTTP/1.0', head('GET /a HTTP/1.0', 'Host: a'), 400, 'malformed-request'],
  ['an underscore in a field name', post('X_Forwarded_User: root'), 400, 'ambiguous-header'],
  ['a dot in a field name', post('X.Forwarded.User: root'), 400, 'ambiguous-header'],
  ['__proto__ as a field name', post('__proto__: x'), 400, 'ambiguous-header'],
  ['a repeated singleton', post('X-User: a', 'X-User: b'), 400, 'ambiguous-header'],
  ['two credentials', post('Authorization: Bearer a', 'Authorization: Bearer b'), 400, 'ambiguous-header'],
  ['a field named as hop-by-hop', post('Connection: X-Auth', 'X-Auth: 1'), 400, 'ambiguous-header'],
  ['bytes above ASCII in a value', post('X-User: ren\u00e9'), 400, 'ambiguous-header'],
  [
    'more fields than are read',
    post(...Array.from({ length: 120 }, (_, index) => `X-${index}: 1`)),
    431,
    'headers-too-large',
  ],
  ['a header section that is too large', post(`X-Big: ${'a'.repeat(20_000)}`), 431, 'headers-too-large'],
  ['both framings', post('Content-Length: 5', 'Transfer-Encoding: chunked'), 400, 'malformed-request'],
  ['two lengths', post('Content-Length: 5', 'Content-Length: 6'), 400, 'malformed-request'],
  ['a length with a zero before it', `${post('Content-Length: 03')}abc`, 400, 'ambiguous-framing'],
  ['a coding that is not chunked', post('Transfer-Encoding: identity'), 400, 'ambiguous-framing'],
  ['two codings', post('Transfer-Encoding: gzip, chunked'), 400, 'ambiguous-framing'],
  ['a GET with a body', `${head('GET /a HTTP/1.1', 'Host: a', 'Content-Length: 3')}abc`, 400, 'ambiguous-framing'],
  ['announced trailers', post('Transfer-Encoding: chunked', 'Trailer: X-User'), 400, 'ambiguous-framing'],
  [
    'trailers that nobody announced',
    `${post('Transfer-Encoding: chunked')}1${crlf}a${crlf}0${crlf}X-User: root${crlf}${crlf}`,
    400,
    'ambiguous-framing',
  ],
  ['a bare line feed', 'GET /a HTTP/1.1\nHost: a\n\n', 400, 'malformed-request'],
  ['a folded line', post('X-User: a', ' b'), 400, 'malformed-request'],
  ['a space before the colon', post('X-User : a'), 400, 'malformed-request'],
  ['an upgrade', post('Connection: upgrade', 'Upgrade: h2c'), 400, 'upgrade-refused'],
  ['an upgrade that no connection option asks for', post('Upgrade: websocket'), 400, 'upgrade-refused'],
  ['CONNECT', head('CONNECT a:443 HTTP/1.1', 'Host: a'), 405, 'method-not-allowed'],
  ['TRACE', head('TRACE /a HTTP/1.1', 'Host: a'), 405, 'method-not-allowed'],
  ['QUERY', head('QUERY /a HTTP/1.1', 'Host: a'), 405, 'method-not-allowed'],
  ['an unknown expectation', post('Expect: foo'), 417, 'expectation-failed'],
  ['a body over the limit', `${post('Content-Length: 2000')}${'a'.repeat(2000)}`, 413, 'body-too-large'],
  [
    'a chunked body over the limit',
    `${post('Transfer-Encoding: chunked')}7d0${crlf}${'a'.repeat(2000)}${crlf}0${crlf}${crlf}`,
    413,
    'body-too-large',
  ],
  ['bytes that are no HTTP', '\u0016\u0003\u0001\u0002\u0000\u0001\u0000', 400, 'malformed-request'],
]

for (const [name, bytes, status, code] of refused) {
  test(`openDoor() refuses ${name} with ${status}`, async () => {
    await using door = await openDoorWorld()
    const answer = await door.send(bytes)
    assert.equal(answer.match(/HTTP\/1\.1 \d{3} /g)?.length, 1, answer)
    assert.match(answer, new RegExp(`^HTTP/1\\.1 ${status} `))
    const problem: unknown = JSON.parse(answer.slice(answer.indexOf('\r\n\r\n') + 4))
    assert.partialDeepStrictEqual(problem, { code, status })
    assert.match(answer, /content-type: application\/problem\+json\r\n/)
    for (const [field, value] of securityFields) assert.ok(answer.includes(`${field}: ${value}${crlf}`), field)
    assert.deepEqual(door.seen, [])
    assert.deepEqual(
      door.refusals.map((refusal) => refusal.error.code),
      [code],
    )
    assert.deepEqual(door.failures, [])
  })
}

test('openDoor() asks for a body only when somebody reads it', async () => {
  await using door = await openDoorWorld()
  const answer = await door.send(`${post('Expect: 100-continue', 'Content-Length: 1')}a`)
  assert.match(answer, /^HTTP\/1\.1 100 Continue\r\n\r\nHTTP\/1\.1 200 /)
  const early = await door.send(head('POST /%2e HTTP/1.1', 'Host: a', 'Expect: 100-continue', 'Content-Length: 1'))
  assert.match(early, /^HTTP\/1\.1 400 /)
})

test('openDoor() hides what went wrong inside, and tells it to the operator', async () => {
  await using door = await openDoorWorld(() => Promise.reject(new Error('secret path /etc/pop')))
  const answer = await door.send(head('GET /a HTTP/1.1', 'Host: a'))
  assert.match(answer, /^HTTP\/1\.1 500 /)
  assert.doesNotMatch(answer.slice(answer.indexOf('\r\n\r\n')), /secret|etc|Error/)
  assert.equal(door.failures.length, 1)
})

test('openDoor() closes the connection behind a body that it did not read', async () => {
  await using door = await openDoorWorld()
  const smuggled = head('GET /smuggled HTTP/1.1', 'Host: a')
  const answer = await door.send(
    `${head('POST /%2e HTTP/1.1', 'Host: a', `Content-Length: ${smuggled.length + 10}`)}${smuggled}`,
  )
  assert.match(answer, /connection: close\r\n/i)
  assert.deepEqual(door.seen, [])
})

interface Gadgets {
  readonly gadgets: Readonly<Record<string, string>>
}

test('openDoor() sees one request or none of each spelling of Transfer-Encoding beside a length', async () => {
  const url = new URL('../../../vectors/smuggling-gadgets.json', import.meta.url)
  // A published file whose shape the count below confirms.
  const { gadgets } = JSON.parse(readFileSync(url, 'utf8')) as Gadgets
  assert.ok(Object.keys(gadgets).length > 100)
  await using door = await openDoorWorld()
  const smuggled = head('GET /smuggled HTTP/1.1', 'Host: a')
  const body = `0${crlf}${crlf}${smuggled}`
  for (const [name, gadget] of Object.entries(gadgets)) {
    const before = door.seen.length
    const answer = await door.send(`${post(`Content-Length: ${body.length}`, gadget)}${body}`)
    const reached = door.seen.slice(before)
    assert.ok(reached.length <= 1, `${name}: ${reached.length} requests`)
    for (const { received, body: read } of reached) {
      assert.equal(received.target.text, '/a', name)
      assert.equal(read, body, name)
      assert.equal(received.fields.has('transfer-encoding'), false, name)
    }
    assert.ok((answer.match(/^HTTP\/1\.1 /gm) ?? []).length <= 1, `${name}: ${answer}`)
  }
})

test('openDoor() takes so many pipelined requests of one connection at once and no more', async () => {
  let open = 0
  let most = 0
  await using door = await openDoorWorld(async () => {
    most = Math.max(most, ++open)
    await new Promise((resolve) => setTimeout(resolve, 20))
    open--
    return { status: 204, fields: [], body: Buffer.alloc(0) }
  })
  await door.send(head('GET /a HTTP/1.1', 'Host: a').repeat(100))
  assert.equal(most, 16)
  assert.equal(door.refusals.at(-1)?.error.code, 'rate-limited')
})

/** Sends a body that never ends, as fast as it is taken, and gives what came back before the connection closed. */
function sendWithoutEnd(port: number): Promise<{ readonly answer: string; readonly error: unknown }> {
  return new Promise((resolve) => {
    const socket = connect({ port, host: '127.0.0.1', allowHalfOpen: true })
    const chunks: Buffer[] = []
    let error: unknown
    const piece = `10000${crlf}${'a'.repeat(0x10000)}${crlf}`
    const write = (): void => {
      while (socket.writable && chunks.length === 0 && socket.write(piece));
    }
    socket.on('drain', write)
    socket.on('data', (chunk: Buffer) => chunks.push(chunk))
    socket.on('end', () => socket.destroy())
    socket.on('error', (failure) => (error = failure))
    socket.on('close', () => resolve({ answer: Buffer.concat(chunks).toString('latin1'), error }))
    socket.write(head('POST /a HTTP/1.1', 'Host: a', 'Transfer-Encoding: chunked'))
    write()
  })
}

test('openDoor() lets a client that goes on sending read why it was refused', async () => {
  await using door = await openDoorWorld()
  for (let round = 0; round < 20; round++) {
    const { answer, error } = await sendWithoutEnd(door.port)
    assert.equal(error, undefined)
    assert.match(answer, /^HTTP\/1\.1 413 /)
  }
})
