import assert from 'node:assert/strict'
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { after, before, test } from 'node:test'
import { developmentSettings } from '@pop-api/settings'
import { startPop, type Pop } from '@pop-api/testkit'
import { totpCode } from '../dev/totp.ts'
import { aroundPop, type Around, type Tried } from './try-pop.ts'

let pop: Pop
let around: Around

before(async () => {
  pop = await startPop()
  around = await aroundPop()
  await signIn(pop, around)
})

after(async () => {
  await around[Symbol.asyncDispose]()
  await pop[Symbol.asyncDispose]()
})

function optionsFor(system: Pop, { folder }: Around): readonly string[] {
  return ['--gateway', system.gateway, '--ca', join(folder, 'ca.pem'), '--home', system.home]
}

async function signIn(system: Pop, place: Around): Promise<void> {
  await writeFile(join(place.folder, 'ca.pem'), system.ca)
  const alice = system.users.users.find(({ username }) => username === 'alice')
  assert.ok(alice !== undefined)
  const { code } = totpCode(alice.totp_secret ?? '', Date.now())
  const words = ['login', '--user', 'alice', '--password-stdin', '--code', code, ...optionsFor(system, place)]
  const login = await place.pop(words, { stdin: alice.password })
  assert.equal(login.code, 0, login.stderr)
}

function tokenTest(...words: readonly string[]): Promise<Tried> {
  return around.pop(['token', 'test', ...words, ...optionsFor(pop, around)])
}

test('pop token test prints a token and nothing else, with the roles that were named', async () => {
  const { code, stdout, stderr } = await tokenTest('--role', 'reader', 'user', '--life', '60')
  assert.equal(code, 0, stderr)
  assert.match(stdout, /^[\w-]+\.[\w-]+\.[\w-]+\n$/)
  assert.equal((await pop.call(stdout.trim(), 'GET', '/openapi.json')).status, 200)
  assert.equal((await pop.call(stdout.trim(), 'GET', '/v1/pop/metrics')).status, 403)
})

test('pop token test --user takes the roles of a user of development, and --json tells them', async () => {
  const { code, stdout, stderr } = await tokenTest('--user', 'alice', '--json')
  assert.equal(code, 0, stderr)
  const said = JSON.parse(stdout) as Readonly<Record<string, unknown>>
  assert.equal(said['subject'], 'urn:pop:test:alice')
  assert.deepEqual(said['roles'], pop.users.users.find(({ username }) => username === 'alice')?.roles)
  assert.match(String(said['expires_at']), /^\d{4}-.*Z$/)
  assert.equal((await pop.call(String(said['access_token']), 'GET', '/v1/pop/metrics')).status, 200)
})

test('pop token test refuses words that name nobody, and says what there is', async () => {
  const cases: readonly (readonly [readonly string[], RegExp])[] = [
    [[], /give --user NAME .* or --role ROLE/],
    [['--user', 'alice', '--role', 'reader'], /not both/],
    [['--user', 'nobody'], /no user of development "nobody" .*There are: alice, bob, carol/],
    [['--user', 'a b'], /letters, digits/],
    [['--role', 'reader', '--life', '301'], /from 1 to 300/],
    [['--role', 'reader', '--life', '0'], /from 1 to 300/],
  ]
  for (const [words, message] of cases) {
    const { code, stderr } = await tokenTest(...words)
    assert.equal(code, 2, stderr)
    assert.match(stderr, message)
  }
  const unknown = await tokenTest('--role', 'nothing')
  assert.equal(unknown.code, 1)
  assert.match(unknown.stderr, /expected roles of the policy \(admin, user, reader\)/)
})

test('pop token test is refused where the environment does not allow it', async () => {
  await using place = await aroundPop()
  await using other = await startPop({
    settings: developmentSettings.replaceAll('allow_test_tokens: true', 'allow_test_tokens: false'),
  })
  await signIn(other, place)
  const { code, stdout, stderr } = await place.pop(['token', 'test', '--role', 'reader', ...optionsFor(other, place)])
  assert.equal(code, 1)
  assert.equal(stdout, '')
  assert.match(stderr, /test-tokens-not-allowed/)
})

test('pop call PATCH /v1/pop/settings sends its data as a merge patch', async () => {
  const call = (data: string, ...more: readonly string[]) =>
    around.pop(['call', 'PATCH', '/v1/pop/settings', '--data', data, ...more, ...optionsFor(pop, around)])
  const changed = await call('{"limits": {"caller_rate": 150}}')
  assert.equal(changed.code, 0, changed.stderr)
  assert.equal(JSON.parse(changed.stdout).limits.caller_rate, 150)
  const other = await call('{}', '--header', 'content-type: application/json')
  assert.equal(other.code, 1)
  assert.match(other.stderr, /merge-patch/)
  assert.equal((await call('{"limits": null}')).code, 0)
})

test('nothing went wrong inside', () => {
  assert.deepEqual(pop.failures, [])
})
