import assert from 'node:assert/strict'
import { once } from 'node:events'
import { chmod, mkdtemp, readFile, rm } from 'node:fs/promises'
import { connect as connectPlainly, createServer, type Socket } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { test } from 'node:test'
import { connect } from 'node:tls'
import { openBrowser } from '@pop-api/testkit'
import { codeFlow, codeOf, fill } from './testing/code-flow.ts'
import { gateway, makeCertificate, paths, startWorld } from './testing/identity-world.ts'

const { begin } = codeFlow(openBrowser)

test('startIdentity() serves the discovery document of the realm', async () => {
  await using pop = await startWorld()
  const { issuer, port } = pop.identity
  assert.equal(issuer, `https://localhost:${port}/realms/pop`)
  const { status, headers, json } = await pop.call(paths.discovery, undefined, { headers: { host: 'evil.example' } })
  assert.equal(status, 200)
  assert.equal(headers['content-type'], 'application/json')
  assert.equal(json['issuer'], issuer)
  for (const [member, path] of Object.entries({
    token_endpoint: paths.token,
    jwks_uri: paths.keys,
    introspection_endpoint: paths.introspect,
    revocation_endpoint: paths.revoke,
    end_session_endpoint: paths.logout,
  })) {
    assert.equal(json[member], issuer + path)
  }
})

test('startIdentity() answers 404 in JSON for every other path', async () => {
  await using pop = await startWorld()
  const accept = { headers: { accept: 'text/html' } }
  const others = [
    '',
    '/',
    '/protocol/openid-connect/auth/short',
    '/protocol/openid-connect/AUTH',
    '/reg',
    `${paths.discovery}/`,
    '/.well-known/OPENID-configuration',
  ]
  for (const path of [...others, '/../pop/protocol/openid-connect/certs', '/interaction/x', '/me']) {
    const { status, headers, json } = await pop.call(path, undefined, accept)
    assert.equal(status, 404, path)
    assert.equal(headers['content-type'], 'application/json')
    assert.deepEqual(json, { error: 'not_found', error_description: 'There is nothing here.' })
  }
  assert.equal((await pop.call('', undefined, { path: '/realms/other/protocol/openid-connect/certs' })).status, 404)
})

test('startIdentity() answers 405 with Allow for another method', async () => {
  await using pop = await startWorld()
  const table = { [paths.token]: 'GET', [paths.logout]: 'PUT', [paths.keys]: 'DELETE', [paths.revoke]: 'OPTIONS' }
  for (const [path, method] of Object.entries(table)) {
    const { status, headers } = await pop.call(path, undefined, { method })
    assert.equal(status, 405)
    const allowed = { [paths.keys]: 'GET', [paths.logout]: 'GET, POST' }[path]
    assert.equal(headers['allow'], allowed ?? 'POST')
  }
})

test('startIdentity() tells nothing of itself in headers and errors', async () => {
  await using pop = await startWorld()
  const { password } = pop.user('bob')
  const form = { grant_type: 'password', username: 'bob', password, totp: pop.code('bob') }
  const database = new DatabaseSync(join(pop.folder, 'identity', 'state.db'))
  database.exec('drop table account')
  database.close()
  const broken = await pop.call(paths.token, { ...gateway, ...form }, { headers: { accept: 'text/html' } })
  assert.equal(broken.status, 500)
  assert.equal(broken.json['error'], 'server_error')
  assert.doesNotMatch(broken.text, /sql|account|at |node|table/i)
  assert.equal(pop.failures.length, 1)
  for (const answer of [broken, await pop.call(paths.keys), await pop.call('/none')]) {
    assert.equal(answer.headers['server'], undefined)
    assert.equal(answer.headers['x-powered-by'], undefined)
    assert.equal(answer.headers['x-content-type-options'], 'nosniff')
  }
})

test('token endpoint refuses parameters that are there twice, unknown scopes and other grants', async () => {
  await using pop = await startWorld()
  const { password } = pop.user('bob')
  const form = { ...gateway, grant_type: 'password', username: 'bob', password, totp: pop.code('bob') }
  for (const name of ['grant_type', 'username', 'password', 'totp', 'client_id', 'client_secret']) {
    const twice = new URLSearchParams([...Object.entries(form), [name, 'other']])
    const answer = await pop.call(paths.token, twice)
    assert.equal(answer.status, 400, name)
    assert.equal(answer.json['error'], 'invalid_request', name)
  }
  assert.equal((await pop.call(paths.token, { ...form, scope: 'openid admin' })).json['error'], 'invalid_scope')
  assert.equal((await pop.call(paths.token, { ...form, password: '' })).json['error'], 'invalid_request')
  assert.equal(
    (await pop.call(paths.token, { ...form, grant_type: 'implicit' })).json['error'],
    'unsupported_grant_type',
  )
  assert.equal((await pop.call(paths.token, { ...form, scope: 'openid profile' })).status, 200)
})

test('token endpoint takes a form in single bytes, and none above 16 KiB', async () => {
  await using pop = await startWorld()
  const { password } = pop.user('bob')
  const form = { ...gateway, grant_type: 'password', username: 'bob', password, totp: pop.code('bob') }
  const { port } = pop.identity
  const body = new URLSearchParams(form).toString()
  const socket = connect({ host: '127.0.0.1', port, rejectUnauthorized: false })
  let answer = ''
  socket.setEncoding('utf8').on('data', (text: string) => (answer += text))
  const fields = ['Host: localhost', 'Content-Type: application/x-www-form-urlencoded', 'Transfer-Encoding: chunked']
  socket.write(`POST /realms/pop${paths.token} HTTP/1.1\r\n${fields.join('\r\n')}\r\nConnection: close\r\n\r\n`)
  socket.write(`${body.replace(/[^]/g, '1\r\n$&\r\n')}0\r\n\r\n`)
  await once(socket, 'close')
  assert.match(answer, /^HTTP\/1\.1 200 .*"access_token":/s)
  const long = await pop.call(paths.token, { ...form, other: 'x'.repeat(16 * 1024) })
  assert.deepEqual([long.status, long.json['error']], [413, 'invalid_request'])
  assert.deepEqual(pop.failures, [])
})

test('startIdentity() takes 256 connections at a time and goes on when one of them ends', async (t) => {
  await using pop = await startWorld()
  const { port } = pop.identity
  const open = async (): Promise<Socket> => {
    const socket = connectPlainly(port, '127.0.0.1')
    t.after(() => socket.destroy())
    await once(socket, 'connect')
    return socket
  }
  const [first] = await Promise.all(Array.from({ length: 256 }, open))
  const one = (await open()).resume()
  await once(one, 'close')
  assert.equal(one.bytesRead, 0)
  first?.resume().end()
  await once(first ?? assert.fail(), 'close')
  assert.equal((await pop.call(paths.keys)).status, 200)
})

test('startIdentity() speaks TLS 1.3 only and takes another certificate while it runs', async (t) => {
  await using pop = await startWorld()
  const { port } = pop.identity
  const old = connect({ host: '127.0.0.1', port, maxVersion: 'TLSv1.2', rejectUnauthorized: false })
  const [refusal] = await once(old, 'error')
  assert.match(String(refusal), /version/i)
  const folder = await mkdtemp(join(tmpdir(), 'pop-certificate-'))
  t.after(() => rm(folder, { recursive: true }))
  const next = await makeCertificate(folder)
  pop.identity.setCertificate(next)
  assert.equal((await pop.call(paths.keys, undefined, { ca: next.cert })).status, 200)
  await assert.rejects(pop.call(paths.keys))
  const stillOld = connect({ host: '127.0.0.1', port, maxVersion: 'TLSv1.2', rejectUnauthorized: false })
  await once(stillOld, 'error')
})

test('startIdentity() refuses a port in use, an exposed key and an exposed users file', async () => {
  await using pop = await startWorld()
  const home = join(pop.folder, 'identity')
  const other = createServer().listen(0, '127.0.0.1')
  await once(other, 'listening')
  const address = other.address()
  assert(typeof address === 'object' && address !== null)
  await assert.rejects(pop.restart({ listen: { host: '127.0.0.1', port: address.port } }), { code: 'EADDRINUSE' })
  other.close()
  await chmod(join(home, 'signing-key.pem'), 0o644)
  await assert.rejects(pop.restart(), { code: 'secret-exposed' })
  await chmod(join(home, 'signing-key.pem'), 0o600)
  await chmod(join(pop.folder, 'dev-users.json'), 0o640)
  await assert.rejects(pop.restart(), { code: 'secret-exposed' })
})

test('startIdentity() refuses a password that is too short, and a client with the name of another', async () => {
  await using pop = await startWorld()
  const security = { ...pop.security, minimum_password_length: 25 }
  await assert.rejects(pop.restart({ security }), {
    code: 'boot-invalid',
    message: /^The password of "alice" has 24 characters, and security_config\.minimum_password_length asks for 25/,
  })
  for (const client_id of ['pop-cli', 'reporter']) {
    await assert.rejects(pop.restart({ gateway: { ...gateway, client_id } }), {
      code: 'boot-invalid',
      message: `Two clients are named "${client_id}": give one of them another name.`,
    })
  }
  await pop.restart()
})

test('startIdentity() keeps nothing of a sign-in at the pages in plain, but for the ten minutes of a device code', async () => {
  await using pop = await startWorld()
  const { browser, page } = await begin(pop)
  const code = codeOf(await browser.submit(page, fill(pop, 'bob')))
  const again = await begin(pop, {}, browser)
  const state = await readFile(join(pop.folder, 'identity', 'state.db'))
  const log = await readFile(join(pop.folder, 'identity', 'state.db-wal'))
  for (const value of [code, ...browser.cookies.values(), again.verifier]) {
    assert.equal(state.includes(value) || log.includes(value), false, value)
  }
})
