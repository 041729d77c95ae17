import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import type { ServerResponse } from 'node:http'
import { test } from 'node:test'
import { makeSessionFolder, readSession, writeSession } from '../client/session.ts'
import { answerJson, standInGateway, type Seen, type StandIn } from './stand-in-gateway.ts'
import { aroundPop, type Around } from './try-pop.ts'

const part = (value: unknown): string => Buffer.from(JSON.stringify(value)).toString('base64url')
const claims = { preferred_username: 'alice', sub: 'u-1', roles: ['admin', 'user'], acr: 'pop-mfa', exp: 1_767_229_200 }
const accessToken = `${part({ alg: 'RS256', typ: 'at+jwt' })}.${part(claims)}.c2ln`
const granted = {
  access_token: accessToken,
  token_type: 'Bearer',
  expires_in: 3600,
  refresh_token: 'r-1',
  scope: 'openid',
}
const program = new URL('../../bin/pop.ts', import.meta.url).pathname

async function keepSession(around: Around, { origin }: StandIn, change: object = {}): Promise<void> {
  await makeSessionFolder(around.environment)
  const session = {
    gateway: origin,
    accessToken,
    refreshToken: 'r-0',
    expiresAtMs: Date.now() + 10_000,
    scope: undefined,
  }
  await writeSession(around.environment, { ...session, ...change })
}

function grant(_seen: Seen, response: ServerResponse): void {
  answerJson(response, 200, granted)
}

function refuse(_seen: Seen, response: ServerResponse): void {
  const detail = 'The credentials are not valid.'
  answerJson(response, 400, { error: 'invalid_grant', title: 'Sign-in was refused', code: 'sign-in-refused', detail })
}

test('pop login sends a form and keeps what it gets', async () => {
  await using around = await aroundPop()
  await using gateway = await standInGateway(around.folder, grant)
  const words = ['login', '--user', 'alice', '--password-stdin', '--code', '123 456', ...gateway.options]
  const { code, stdout, stderr } = await around.pop(words, { stdin: 'pa&ss=wörd\n' })
  assert.equal(code, 0, stderr)
  assert.match(
    stdout,
    /^Signed in at https:\/\/localhost:\d+ as alice \(roles: admin, user\)\.\nThe token holds until .+ \(in 60 min\)\. It is renewed by itself/,
  )
  const [seen] = gateway.seen
  assert.equal(seen?.method, 'POST')
  assert.equal(seen?.url, '/oauth/token')
  assert.deepEqual(Object.fromEntries(new URLSearchParams(seen?.body)), {
    grant_type: 'password',
    username: 'alice',
    password: 'pa&ss=wörd',
    totp: '123456',
  })
  const kept = await readSession(around.environment, gateway.origin)
  assert.equal(kept?.accessToken, accessToken)
  assert.equal(kept?.refreshToken, 'r-1')
})

test('pop login sends no code where none is wanted', async () => {
  await using around = await aroundPop()
  await using gateway = await standInGateway(around.folder, grant)
  const words = ['login', '--user', 'alice', '--password-stdin', '--code', '', '--json', ...gateway.options]
  const { stdout } = await around.pop(words, { stdin: 'x' })
  assert.equal(new URLSearchParams(gateway.seen[0]?.body).has('totp'), false)
  const { expires_at: _at, ...told } = JSON.parse(stdout)
  assert.deepEqual(told, {
    gateway: gateway.origin,
    user: 'alice',
    subject: 'u-1',
    roles: ['admin', 'user'],
    scope: 'openid',
    renewable: true,
  })
})

test('pop login never asks where there is no terminal, and says what is missing', async () => {
  await using around = await aroundPop()
  const cases: readonly (readonly [readonly string[], string, RegExp])[] = [
    [[], '', /no terminal to ask at: give --user NAME, --password-stdin, --code CODE/],
    [['--user', 'a', '--password-stdin'], 'x', /standard input is for the password: give --code CODE/],
    [['--user', 'a', '--code', '1'], '', /give --password-stdin/],
    [['--user', 'a', '--code', '1', '--password-stdin'], '', /found nothing on standard input/],
    [['--user', 'a', '--code', '1', '--password-stdin'], 'x\ny', /more than one line/],
    [['--client-id', 'c'], '', /give the secret with --client-secret-stdin/],
    [['--client-secret-stdin'], 'x', /needs --client-id/],
    [['--client-id', 'c', '--user', 'a'], '', /not both/],
  ]
  for (const [words, stdin, message] of cases) {
    const { code, stderr } = await around.pop(['--gateway', 'https://localhost:1', 'login', ...words], { stdin })
    assert.equal(code, 2, stderr)
    assert.match(stderr, message)
  }
})

test('pop login keeps nothing of an answer that is not one of OAuth', async () => {
  await using around = await aroundPop()
  await using gateway = await standInGateway(around.folder, (_seen, response) =>
    answerJson(response, 200, { access_token: 7 }),
  )
  const words = ['login', '--user', 'a', '--password-stdin', '--code', '1', ...gateway.options]
  const { code, stderr } = await around.pop(words, { stdin: 'x' })
  assert.equal(code, 1)
  assert.match(stderr, /another shape than RFC 6749/)
  assert.equal(await readSession(around.environment, gateway.origin), undefined)
})

test('a token that ends soon is renewed once, however many pops need it', async () => {
  await using around = await aroundPop()
  await using gateway = await standInGateway(around.folder, grant)
  await keepSession(around, gateway)
  const { PATH, NODE_OPTIONS } = process.env
  const env = { ...around.environment, PATH, NODE_OPTIONS }
  const show = async (): Promise<string> => {
    const child = spawn(process.execPath, [program, 'token', 'show', '--raw', ...gateway.options], { env })
    const [stdout, [code]] = await Promise.all([Array.fromAsync(child.stdout), once(child, 'exit')])
    assert.equal(code, 0)
    return Buffer.concat(stdout).toString()
  }
  assert.deepEqual(await Promise.all([show(), show(), show()]), Array(3).fill(`${accessToken}\n`))
  assert.equal(gateway.seen.length, 1)
  assert.deepEqual(Object.fromEntries(new URLSearchParams(gateway.seen[0]?.body)), {
    grant_type: 'refresh_token',
    refresh_token: 'r-0',
  })
  assert.equal((await readSession(around.environment, gateway.origin))?.refreshToken, 'r-1')
})

test('a token that holds long enough is not renewed', async () => {
  await using around = await aroundPop()
  await using gateway = await standInGateway(around.folder, grant)
  await keepSession(around, gateway, { expiresAtMs: Date.now() + 120_000 })
  assert.equal((await around.pop(['token', 'show', '--raw', ...gateway.options])).stdout, `${accessToken}\n`)
  assert.equal(gateway.seen.length, 0)
})

test('a session that has ended is forgotten, and the person is told to sign in', async () => {
  await using around = await aroundPop()
  await using gateway = await standInGateway(around.folder, refuse)
  await keepSession(around, gateway)
  const { code, stderr } = await around.pop(['token', 'show', '--raw', ...gateway.options])
  assert.equal(code, 1)
  assert.match(stderr, /has ended: sign in again with `pop login`/)
  assert.equal(await readSession(around.environment, gateway.origin), undefined)
})

test('a gateway in trouble costs no session, and says when to come again', async () => {
  await using around = await aroundPop()
  await using gateway = await standInGateway(around.folder, (_seen, response) => {
    response.setHeader('retry-after', '5')
    answerJson(response, 503, { error: 'temporarily_unavailable', code: 'identity-unavailable' })
  })
  await keepSession(around, gateway)
  const { code, stderr } = await around.pop(['token', 'show', '--raw', ...gateway.options])
  assert.equal(code, 1)
  assert.match(stderr, /^pop: 503 identity-unavailable \(try again after 5 s\)\n/)
  assert.equal((await readSession(around.environment, gateway.origin))?.refreshToken, 'r-0')
})

test('pop logout ends the session there and here', async () => {
  await using around = await aroundPop()
  await using gateway = await standInGateway(around.folder, (_seen, response) => response.writeHead(204).end())
  await keepSession(around, gateway)
  const first = await around.pop(['logout', ...gateway.options])
  assert.deepEqual(first, { code: 0, stdout: `Signed out at ${gateway.origin}.\n`, stderr: '' })
  assert.equal(gateway.seen[0]?.url, '/oauth/logout')
  assert.deepEqual(Object.fromEntries(new URLSearchParams(gateway.seen[0]?.body)), {
    token: accessToken,
    refresh_token: 'r-0',
  })
  const second = await around.pop(['logout', '--json', ...gateway.options])
  assert.deepEqual(JSON.parse(second.stdout), { gateway: gateway.origin, session_ended: false })
})

test('pop logout forgets the tokens also when nobody answers or the gateway refuses, and says so', async () => {
  await using around = await aroundPop()
  await using gateway = await standInGateway(around.folder, (seen, response) =>
    seen.body.includes('r-gone')
      ? void response.destroy()
      : answerJson(response, 503, { error: 'server_error', title: 'Busy' }),
  )
  await keepSession(around, gateway, { refreshToken: 'r-gone' })
  const gone = await around.pop(['logout', ...gateway.options])
  assert.equal(gone.code, 3)
  assert.match(gone.stderr, /the session was not ended there/)
  assert.equal(await readSession(around.environment, gateway.origin), undefined)
  await keepSession(around, gateway)
  const refused = await around.pop(['logout', ...gateway.options])
  assert.equal(refused.code, 1)
  assert.match(refused.stderr, /503 server_error: Busy\. The tokens are removed here/)
  assert.equal(await readSession(around.environment, gateway.origin), undefined)
})

test('pop token show tells who is signed in, and never the token', async () => {
  await using around = await aroundPop()
  await using gateway = await standInGateway(around.folder, grant)
  await keepSession(around, gateway)
  const { code, stdout } = await around.pop(['token', 'show', ...gateway.options])
  assert.equal(code, 0)
  assert.match(stdout, /^user +alice$/m)
  assert.match(stdout, /^roles +admin, user$/m)
  assert.match(stdout, /^second factor +yes$/m)
  assert.ok(!stdout.includes(accessToken) && !stdout.includes('r-0'))
  const json = JSON.parse((await around.pop(['token', 'show', '--json', ...gateway.options])).stdout)
  assert.equal(json.user, 'alice')
  assert.ok(!JSON.stringify(json).includes(accessToken))
  assert.equal(gateway.seen.length, 0)
})

test('pop token decode shows a token, with times, and says that nothing was verified', async () => {
  await using around = await aroundPop()
  const given = await around.pop(['token', 'decode', accessToken])
  assert.equal(given.code, 0)
  assert.match(given.stdout, /^Not verified/)
  assert.match(given.stdout, /^ends +2026-01-01 01:00:00Z \(/m)
  const piped = await around.pop(['token', 'decode', '-', '--json'], { stdin: `Bearer ${accessToken}\n` })
  const { verified, claims: told, times } = JSON.parse(piped.stdout)
  assert.equal(verified, false)
  assert.deepEqual(told, claims)
  assert.deepEqual(times, { exp: '2026-01-01T01:00:00.000Z' })
  const wrong = await around.pop(['token', 'decode', 'abc'])
  assert.equal(wrong.code, 2)
  assert.match(wrong.stderr, /this is not a JWT: a JWT has three parts/)
})
