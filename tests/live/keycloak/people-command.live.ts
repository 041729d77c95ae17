import assert from 'node:assert/strict'
import { mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { after, before, test } from 'node:test'
import { totpCode } from '@pop-api/identity'
import { startPop, type Pop } from '@pop-api/testkit'
import { aroundPop, type Around } from '../../../packages/cli/src/commands/try-pop.ts'

// `pop user` and `pop incident revoke --user NAME` in this process, against Keycloak.

let pop: Pop
let around: Around
let options: readonly string[]

before(async () => {
  pop = await startPop({ users: ['ann', 'ben'].map((username) => ({ username, roles: ['user'] })) })
  around = await aroundPop()
  await mkdir(join(around.folder, 'home'), { recursive: true })
  const ca = join(around.folder, 'ca.pem')
  await writeFile(ca, pop.ca)
  options = ['--gateway', pop.gateway, '--ca', ca]
  const alice = pop.users.users.find(({ username }) => username === 'alice')
  assert.ok(alice?.totp_secret !== undefined)
  const code = totpCode(alice.totp_secret, Date.now())
  const login = await run(['login', '--user', 'alice', '--password-stdin', '--code', code], alice.password)
  assert.equal(login.code, 0, login.stderr)
})

after(async () => {
  await around[Symbol.asyncDispose]()
  await pop[Symbol.asyncDispose]()
})

const run = (words: readonly string[], stdin = '') => around.pop([...words, ...options], { stdin })

async function done(words: readonly string[], stdin = ''): Promise<string> {
  const { code, stdout, stderr } = await run(words, stdin)
  assert.deepEqual([code, stderr], [0, ''])
  return stdout
}

const isRefused = async (token: string): Promise<boolean> =>
  (await pop.call(token, 'GET', '/openapi.json')).body['code'] === 'token-revoked'

test('pop user add shows the password once, and list and show tell of the user', async () => {
  const added = await done([
    'user',
    'add',
    'new-one',
    '--role',
    'user',
    '--email',
    'new@example.org',
    '--last-name',
    'One',
  ])
  assert.match(
    added,
    /^Added: new-one \([0-9a-f-]{36}\), user\.\nPassword for one sign-in: [\w.+-]{20}\nIt is shown this once/,
  )
  const piped = await done(['user', 'add', 'new-two', '--password-stdin'], 'a-password-of-mine\n')
  assert.match(piped, /^Added: new-two \([0-9a-f-]{36}\), no roles\.\n$/)
  const list = await done(['user', 'list', '--search', 'new'])
  assert.match(
    list,
    /^USERNAME +NAME +E-MAIL +STATE +ID\nnew-one +One +new@example\.org +enabled +[0-9a-f-]{36}\nnew-two /,
  )
  const shown = await done(['user', 'show', 'new-one'])
  assert.match(
    shown,
    /\nroles +user\nsecond factor +missing\nasked for at the next sign-in +(CONFIGURE_TOTP, UPDATE_PASSWORD|UPDATE_PASSWORD, CONFIGURE_TOTP)\n/,
  )
  const short = await run(['user', 'add', 'new-three', '--password-stdin'], 'short')
  assert.equal(short.code, 1)
  assert.match(short.stderr, /at least 12 characters/)
})

test('pop user roles, disable, enable, unlock, reset-2fa, reset-password, sessions and logout say what came of it', async () => {
  assert.equal(await done(['user', 'roles', 'ann', 'user', 'reader']), 'Roles of ann: reader, user.\n')
  const token = await pop.token('ann')
  assert.match(
    await done(['user', 'sessions', 'ann']),
    /^SESSION +ADDRESS +STARTED \(UTC\) .+\n[\w-]+ +127\.0\.0\.1 .+pop-gateway\n$/,
  )
  const ended = 'All sessions and tokens are ended.'
  assert.equal(await done(['user', 'roles', 'ann', 'reader']), `Roles of ann: reader. ${ended}\n`)
  assert.equal(await isRefused(token), true)
  assert.equal(await done(['user', 'disable', 'ann', '--reason', 'a test']), `Disabled: ann. ${ended}\n`)
  assert.match(await done(['user', 'show', 'ann']), /\nstate +disabled\n/)
  assert.equal(await done(['user', 'enable', 'ann']), 'Enabled: ann.\n')
  assert.equal(await done(['user', 'unlock', 'ann']), 'Unlocked: ann.\n')
  assert.equal(await done(['user', 'reset-2fa', 'ann']), `Second factor taken away: ann. ${ended}\n`)
  assert.match(await done(['user', 'reset-password', 'ann']), /^Password reset: ann\. .+\nPassword for one sign-in: /)
  assert.equal(await done(['user', 'logout', 'ann']), `Signed out: ann. ${ended}\n`)
  const { user, password } = JSON.parse(await done(['user', 'reset-password', 'ann', '--json']))
  assert.deepEqual([user.username, password.length], ['ann', 20])
  const listed = await done(['incident', 'list'])
  assert.match(listed, /^ID +REVOKED +SINCE \(UTC\) +UNTIL \(UTC\) +SESSIONS +BY +REASON\n/)
  // What Keycloak said of the session by itself stands there too, in whichever order the two came.
  assert.match(listed, /^\S+ +user ann \(user:\S+\) .+ ended +alice \(user:\S+\)/m)
})

test('pop user tells an operator what he cannot do to himself, and who is not there', async () => {
  const self = await run(['user', 'disable', 'alice'])
  assert.equal(self.code, 1)
  assert.match(self.stderr, /You cannot disable yourself: another operator can\./)
  const nobody = await run(['user', 'show', 'nobody'])
  assert.match(nobody.stderr, /^pop: 404 resource-not-found/)
})

test('pop incident revoke --user takes a username, and the subject as well', async () => {
  const token = await pop.token('ben')
  const id = pop.users.users.find(({ username }) => username === 'ben')?.id ?? ''
  const dry = await done(['incident', 'revoke', '--user', 'ben', '--reason', 'a test', '--dry-run'])
  assert.match(dry, new RegExp(`^Would revoke: user user:${id}, `))
  const revoked = await done(['incident', 'revoke', '--user', 'ben', '--reason', 'a test'])
  assert.match(revoked, new RegExp(`^Revoked: user user:${id}, `))
  assert.equal(await isRefused(token), true)
  const nobody = await run(['incident', 'revoke', '--user', 'nobody', '--reason', 'a test'])
  assert.deepEqual(
    [nobody.code, nobody.stderr.split('\n')[0]],
    [1, 'pop: 404 resource-not-found: There is no such resource'],
  )
})
