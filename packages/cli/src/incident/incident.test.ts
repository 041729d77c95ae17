import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { writeFile, mkdir } from 'node:fs/promises'
import { join } from 'node:path'
import { startPop, type Pop } from '@pop-api/testkit'
import { aroundPop, type Around } from '../commands/try-pop.ts'
import { totpCode } from '../dev/totp.ts'

// `pop incident` in this process against a real gateway; alice is an operator, bob is not.

let pop: Pop
let around: Around
let options: readonly string[]
const tokens: Record<string, string> = {}

before(async () => {
  pop = await startPop({ users: [{ username: 'dan', roles: ['user'] }] })
  around = await aroundPop()
  await mkdir(join(around.folder, 'home'), { recursive: true })
  const ca = join(around.folder, 'ca.pem')
  await writeFile(ca, pop.ca)
  options = ['--gateway', pop.gateway, '--ca', ca]
  for (const name of ['bob', 'carol', 'dan']) tokens[name] = await pop.token(name)
  const alice = pop.users.users.find(({ username }) => username === 'alice')
  assert.ok(alice !== undefined)
  const { code } = totpCode(alice.totp_secret ?? '', Date.now())
  const login = await run(['login', '--user', 'alice', '--password-stdin', '--code', code], alice.password)
  assert.equal(login.code, 0, login.stderr)
})

after(async () => {
  await around[Symbol.asyncDispose]()
  await pop[Symbol.asyncDispose]()
})

const run = (words: readonly string[], stdin = '') => around.pop([...words, ...options], { stdin })

function claimsOf(name: string): Record<string, unknown> {
  return JSON.parse(Buffer.from((tokens[name] ?? '').split('.')[1] ?? '', 'base64url').toString())
}

const isRefused = async (name: string): Promise<boolean> =>
  (await pop.call(tokens[name], 'GET', '/openapi.json')).body['code'] === 'token-revoked'

test('pop incident revoke ends what a user has, list shows it, and undo takes it back by its id', async () => {
  const user = `user:${String(claimsOf('bob')['sub'])}`
  const dry = await run(['incident', 'revoke', '--user', user, '--reason', 'laptop lost', '--dry-run'])
  assert.equal(dry.code, 0, dry.stderr)
  assert.match(
    dry.stdout,
    /^Would revoke: user user:.+ up to 20.+Z\. Nothing was changed\.\nAt this gateway: 0 requests/,
  )
  assert.equal(await isRefused('bob'), false)
  // Who looks into the log must not take it for one.
  const [looked] = await pop.audit('gateway', { action: 'revocation_dry_run' })
  assert.deepEqual([looked?.user, looked?.code], ['alice', 200])
  assert.deepEqual(await pop.audit('gateway', { action: 'revocation' }), [])

  const revoked = await run(['incident', 'revoke', '--user', user, '--reason', 'laptop lost'])
  assert.equal(revoked.code, 0, revoked.stderr)
  assert.equal(await isRefused('bob'), true)
  const [, id = ''] = /^Take it back with: pop incident undo ([\w-]{22})$/m.exec(revoked.stdout) ?? []
  assert.notEqual(id, '')

  const listed = await run(['incident', 'list'])
  assert.match(listed.stdout, /^ID +REVOKED +SINCE \(UTC\) +UNTIL \(UTC\) +SESSIONS +BY +REASON\n/)
  assert.match(listed.stdout, new RegExp(`\\n${id} +user ${user} +20.+ +- +user:.+ +laptop lost\\n`))

  const undone = await run(['incident', 'undo', id])
  assert.equal(undone.stdout, `Taken back: user ${user}.\n`)
  assert.equal(await isRefused('bob'), false)
  const again = await run(['incident', 'undo', id])
  assert.deepEqual(
    [again.code, again.stderr.split('\n')[0]],
    [1, 'pop: 404 resource-not-found: There is no such resource'],
  )
})

test('pop incident revoke --token-stdin sends the id of the token and never the token', async () => {
  const done = await run(
    ['incident', 'revoke', '--token-stdin', '--reason', 'in a bug report', '--json'],
    tokens['carol'],
  )
  assert.equal(done.code, 0, done.stderr)
  const { revocation } = JSON.parse(done.stdout)
  assert.deepEqual([revocation.kind, revocation.value], ['jti', claimsOf('carol')['jti']])
  assert.equal(await isRefused('carol'), true)
  const logs = JSON.stringify([await pop.audit('gateway'), await pop.audit('control')])
  assert.ok(!logs.includes(String(tokens['carol']?.split('.')[2])))
})

test('pop incident revoke --session and --json say what is in force', async () => {
  const words = ['incident', 'revoke', '--session', String(claimsOf('dan')['sid']), '--reason', 'stolen', '--json']
  const { revocation } = JSON.parse((await run(words)).stdout)
  assert.deepEqual([revocation.kind, revocation.account.reason], ['sid', 'stolen'])
  assert.equal(await isRefused('dan'), true)
  const { revocations } = JSON.parse((await run(['incident', 'list', '--json'])).stdout)
  assert.ok(revocations.some(({ id }: { readonly id: string }) => id === revocation.id))
})

const unusable: readonly (readonly [readonly string[], RegExp])[] = [
  [['revoke', '--reason', 'x'], /exactly one of --user, --session/],
  [['revoke', '--user', 'user:a', '--session', 's', '--reason', 'x'], /exactly one of --user, --session/],
  [
    ['revoke', '--user', 'bob', '--reason', 'x'],
    /manages no users: name bob by subject, user:ID\. pop dev users shows it/,
  ],
  [['revoke', '--user', 'user:a'], /--reason/],
  [['revoke', '--user', 'user:a', '--reason', ''], /\/reason: expected a text/],
  [['revoke', '--token-stdin', '--reason', 'x'], /--token-stdin found no token with a jti/],
  [['undo', '../settings'], /the id must be one/],
  [['undo'], /missing required argument/],
]
for (const [words, expected] of unusable) {
  test(`pop incident ${words.join(' ')} is a usage error, and nothing is sent`, async () => {
    const { code, stderr } = await run(['incident', ...words], 'no token')
    assert.equal(code, 2, stderr)
    assert.match(stderr, expected)
  })
}

test('nothing went wrong inside', () => {
  assert.deepEqual(pop.failures, [])
})
