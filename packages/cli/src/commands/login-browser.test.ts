import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { chmod, mkdir, readFile, writeFile } from 'node:fs/promises'
import { request as startRequest, type IncomingMessage } from 'node:http'
import { join } from 'node:path'
import { text } from 'node:stream/consumers'
import { setTimeout as pause } from 'node:timers/promises'
import { after, before, test } from 'node:test'
import { openBrowser, startPop, type Pop } from '@pop-api/testkit'
import { readSession } from '../client/session.ts'
import { totpCode } from '../dev/totp.ts'
import { aroundPop, type Around } from './try-pop.ts'

const program = new URL('../../bin/pop.ts', import.meta.url).pathname
const names = ['ann', 'ben', 'cid', 'dee', 'eve']

let pop: Pop
let around: Around

before(async () => {
  pop = await startPop({ users: names.map((username) => ({ username, roles: ['user'] })) })
  around = await aroundPop()
  await writeFile(join(around.folder, 'ca.pem'), pop.ca)
})

after(async () => {
  await around[Symbol.asyncDispose]()
  await pop[Symbol.asyncDispose]()
})

/** `pop login --browser` as a process that waits for its person. */
async function startLogin(words: readonly string[] = ['--no-open'], more: NodeJS.ProcessEnv = {}) {
  const place = ['--gateway', pop.gateway, '--ca', join(around.folder, 'ca.pem')]
  const { PATH, NODE_OPTIONS } = process.env
  const env = { ...around.environment, PATH, NODE_OPTIONS, ...more }
  const child = spawn(process.execPath, [program, 'login', '--browser', ...words, ...place], { env })
  let told = ''
  child.stderr.setEncoding('utf8').on('data', (piece: string) => (told += piece))
  const stdout = text(child.stdout)
  const exited = once(child, 'exit')
  while (!/^ {2}https:.+\n/m.test(told)) {
    const isOver = await Promise.race([exited.then(() => true), pause(20, false)])
    if (isOver) break
  }
  const url = new URL(/^ {2}(https:.+)\n/m.exec(told)?.[1] ?? assert.fail(told))
  const redirect = new URL(url.searchParams.get('redirect_uri') ?? assert.fail(url.href))
  const state = url.searchParams.get('state') ?? assert.fail(url.href)
  const end = async () => {
    const [code] = await exited
    return { code: Number(code), stdout: await stdout, stderr: told }
  }
  return { child, url, redirect, state, end }
}

/** The form of a user with the present code. */
function formOf(username: string): Readonly<Record<string, string>> {
  const user = pop.users.users.find((known) => known.username === username) ?? assert.fail(username)
  const { code } = totpCode(user.totp_secret ?? assert.fail(username), Date.now())
  return { username, password: user.password, totp: code }
}

/** Signs a user in at the pages of the provider; gives the address that the browser would go to then. */
async function signInAt(url: URL, username: string): Promise<URL> {
  const browser = openBrowser(pop.issuer, pop.ca)
  const back = await browser.submit(await browser.open(url), formOf(username))
  assert.equal(back.hasLeft, true, back.text)
  return back.url
}

async function visit(url: URL, headers: Readonly<Record<string, string>> = {}, method = 'GET') {
  const sent = startRequest(url, { headers, method, agent: false })
  sent.end()
  const [answer] = (await once(sent, 'response')) as [IncomingMessage] // what `response` gives
  return { status: answer.statusCode, headers: answer.headers, text: await text(answer) }
}

function changed(url: URL, change: (parameters: URLSearchParams) => void): URL {
  const other = new URL(url)
  change(other.searchParams)
  return other
}

test('pop login --browser signs in at the pages, and its session is renewed and ended as its own', async () => {
  const login = await startLogin()
  assert.equal(login.url.href.split('?')[0], `${pop.issuer}/protocol/openid-connect/auth`)
  assert.match(login.redirect.href, /^http:\/\/127\.0\.0\.1:\d+\/callback$/)
  assert.equal(login.url.searchParams.get('code_challenge_method'), 'S256')
  const shown = await visit(await signInAt(login.url, 'ann'))
  assert.equal(shown.status, 200)
  assert.match(shown.text, /<h1>Signed in<\/h1>\n<p>You may close this window/)
  assert.match(String(shown.headers['content-security-policy']), /^default-src 'none'/)
  assert.equal(shown.headers['cache-control'], 'no-store')
  const { code, stdout, stderr } = await login.end()
  assert.equal(code, 0, stderr)
  assert.match(stdout, /^Signed in at https:\/\/localhost:\d+ as ann \(roles: user\)\.\n/)
  const session = await readSession(around.environment, pop.gateway)
  assert.equal(session?.clientId, 'pop-cli')
  const place = ['--gateway', pop.gateway, '--ca', join(around.folder, 'ca.pem')]
  const show = await around.pop(['token', 'show', ...place])
  assert.match(show.stdout, /^second factor +yes$/m)
  await makeOld()
  const renewed = await around.pop(['token', 'show', '--raw', ...place])
  assert.equal(renewed.code, 0, renewed.stderr)
  assert.notEqual(renewed.stdout.trim(), session?.accessToken)
  assert.equal((await readSession(around.environment, pop.gateway))?.clientId, 'pop-cli')
  const out = await around.pop(['logout', ...place])
  assert.deepEqual([out.code, out.stderr], [0, ''])
  assert.equal((await pop.call(renewed.stdout.trim(), 'GET', '/openapi.json')).body['code'], 'token-revoked')
})

/** Makes the kept token look as if it ended soon. */
async function makeOld(): Promise<void> {
  const { writeSession } = await import('../client/session.ts')
  const session = (await readSession(around.environment, pop.gateway)) ?? assert.fail()
  await writeSession(around.environment, { ...session, expiresAtMs: Date.now() + 1000 })
}

test('pop login --browser takes one answer, and none that is not its own', async () => {
  const login = await startLogin()
  const back = await signInAt(login.url, 'ben')
  const refused: readonly (readonly [string, Promise<{ status: number | undefined }>])[] = [
    ['another state', visit(changed(back, (query) => query.set('state', 'x'.repeat(43))))],
    ['no state', visit(changed(back, (query) => query.delete('state')))],
    ['another issuer', visit(changed(back, (query) => query.set('iss', 'https://evil.example')))],
    ['no issuer', visit(changed(back, (query) => query.delete('iss')))],
    ['no code', visit(changed(back, (query) => query.delete('code')))],
    ['a code twice', visit(changed(back, (query) => query.append('code', 'x')))],
    ['another path', visit(new URL('/', back))],
    ['another host', visit(back, { host: 'evil.example' })],
    ['another method', visit(back, {}, 'POST')],
    ['an error with another state', visit(new URL('?error=access_denied&state=x', back))],
  ]
  for (const [name, answer] of refused) assert.equal((await answer).status, 400, name)
  const [first, second] = await Promise.all([visit(back), visit(back)])
  assert.deepEqual([first.status, second.status].toSorted(), [200, 410])
  assert.equal((await login.end()).code, 0)
})

test('pop login --browser ends with a reason when the person leaves, and when the code is not its own', async () => {
  const left = await startLogin()
  const browser = openBrowser(pop.issuer, pop.ca)
  const cancelled = await browser.submit(await browser.open(left.url), { cancel: 'yes' })
  assert.match((await visit(cancelled.url)).text, /<h1>Not signed in<\/h1>/)
  const gone = await left.end()
  assert.equal(gone.code, 1)
  assert.match(gone.stderr, /the sign-in was left or refused \(access_denied: .+\)\. Nobody was signed in/)
  const [victim, attacker] = [await startLogin(), await startLogin()]
  const stolen = await signInAt(attacker.url, 'cid')
  const injected = changed(stolen, (query) => query.set('state', victim.state))
  injected.host = victim.redirect.host
  assert.match((await visit(injected)).text, /Not signed in/)
  const refused = await victim.end()
  assert.equal(refused.code, 1)
  assert.match(refused.stderr, /sign-in-refused|Sign-in was refused/)
  attacker.child.kill()
  await attacker.end()
})

test('pop login --browser gives up in time, and says how to have more', async () => {
  const login = await startLogin(['--no-open', '--wait', '1'])
  const { code, stderr } = await login.end()
  assert.equal(code, 1)
  assert.match(stderr, /nobody signed in within 1 s\. Try again, or give more time with --wait/)
})

test('pop login --browser hands the address to the browser of a desktop', async () => {
  const bin = join(around.folder, 'bin')
  await mkdir(bin)
  const name = process.platform === 'darwin' ? 'open' : 'xdg-open'
  await writeFile(
    join(bin, name),
    `#!/bin/sh\nprintf %s "$1" > "${bin}/url.part" && mv "${bin}/url.part" "${bin}/url"\n`,
  )
  await chmod(join(bin, name), 0o755)
  const login = await startLogin([], { PATH: `${bin}:${process.env['PATH']}`, DISPLAY: ':0' })
  let opened: string | undefined
  while (opened === undefined) {
    await pause(20)
    opened = await readFile(join(bin, 'url'), 'utf8').catch(() => undefined)
  }
  assert.equal(opened, login.url.href)
  login.child.kill()
  await login.end()
})

test('pop login takes one way in, and says which options belong together', async () => {
  const cases: readonly (readonly [readonly string[], RegExp])[] = [
    [['--browser', '--device'], /not two of them/],
    [['--browser', '--user', 'ann'], /not two of them/],
    [['--device', '--client-id', 'x'], /not two of them/],
    [['--no-open'], /need --browser/],
    [['--wait', '5'], /need --browser/],
    [['--browser', '--wait', 'soon'], /seconds from 1 to 9999/],
  ]
  for (const [words, message] of cases) {
    const { code, stderr } = await around.pop(['--gateway', pop.gateway, 'login', ...words])
    assert.equal(code, 2, words.join(' '))
    assert.match(stderr, message)
  }
})

test('pop login --device shows a code, waits, and signs in', async () => {
  const place = ['--gateway', pop.gateway, '--ca', join(around.folder, 'ca.pem')]
  const { PATH, NODE_OPTIONS } = process.env
  const env = { ...around.environment, PATH, NODE_OPTIONS }
  const child = spawn(process.execPath, [program, 'login', '--device', '--json', ...place], { env })
  let told = ''
  child.stderr.setEncoding('utf8').on('data', (piece: string) => (told += piece))
  const stdout = text(child.stdout)
  const exited = once(child, 'exit')
  while (!/Waiting/.test(told) && child.exitCode === null) await pause(20)
  const userCode = /^ {2}([B-Z]{4}-[B-Z]{4})$/m.exec(told)?.[1] ?? assert.fail(told)
  const browser = openBrowser(pop.issuer, pop.ca)
  const page = await browser.open(/^ {2}(https:.+)$/m.exec(told)?.[1] ?? assert.fail(told))
  const confirm = await browser.submit(page, { user_code: userCode })
  const signIn = await browser.submit(confirm, { confirm: 'yes' })
  assert.match((await browser.submit(signIn, formOf('dee'))).text, /Your device is signed in/)
  assert.deepEqual(await exited, [0, null], told)
  assert.equal(JSON.parse(await stdout).user, 'dee')
  const events = await pop.audit('gateway')
  assert.equal(events.filter(({ action }) => action === 'device_authorization').length, 1)
  const signedIn = events.filter(({ action, user }) => action === 'sign_in' && user === 'dee')
  assert.deepEqual(
    signedIn.map(({ status }) => status),
    ['success'],
  )
})

test('nothing went wrong inside', () => {
  assert.deepEqual(pop.failures, [])
})
