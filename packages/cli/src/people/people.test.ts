import assert from 'node:assert/strict'
import { mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { after, before, test } from 'node:test'
import { startPop, type Pop } from '@pop-api/testkit'
import { aroundPop, type Around } from '../commands/try-pop.ts'
import { totpCode } from '../dev/totp.ts'

// `pop user` in this process against a gateway with the embedded provider, whose users nobody manages; the live tests show the rest.

let pop: Pop
let around: Around
let options: readonly string[]

before(async () => {
  pop = await startPop()
  around = await aroundPop()
  await mkdir(join(around.folder, 'home'), { recursive: true })
  const ca = join(around.folder, 'ca.pem')
  await writeFile(ca, pop.ca)
  options = ['--gateway', pop.gateway, '--ca', ca]
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

const words: readonly (readonly string[])[] = [
  ['list'],
  ['show', 'bob'],
  ['add', 'new', '--role', 'user'],
  ['roles', 'bob', 'reader'],
  ['disable', 'bob', '--reason', 'left'],
  ['enable', 'bob'],
  ['unlock', 'bob'],
  ['reset-password', 'bob'],
  ['reset-2fa', 'bob'],
  ['sessions', 'bob'],
  ['logout', 'bob'],
]
for (const verb of words) {
  test(`pop user ${verb.join(' ')} with the embedded provider is refused with where its users stand`, async () => {
    const { code, stdout, stderr } = await run(['user', ...verb])
    assert.deepEqual([code, stdout], [1, ''])
    assert.match(stderr, /^pop: 409 users-not-managed: The users cannot be managed from here\n/)
    assert.match(stderr, /dev-users\.json/)
  })
}

test('what was asked about a user is found in the log by that user', async () => {
  const events = await pop.audit('gateway', { resource_id: 'bob' })
  const actions = new Set(events.map(({ action, user }) => `${user} ${action}`))
  for (const action of ['user_read', 'user_disable', 'user_logout', 'user_second_factor_reset'])
    assert.ok(actions.has(`alice ${action}`), [...actions].join())
  assert.ok(!actions.has('alice user_creation'))
})

const unusable: readonly (readonly [readonly string[], RegExp])[] = [
  [['roles', 'bob'], /give the roles, or --none/],
  [['roles', 'bob', 'user', '--none'], /give the roles, or --none/],
  [['show', 'a/b'], /only by id/],
  [['show', '..'], /by username or id/],
  [['add', 'new', '--password-stdin'], /--password-stdin found nothing/],
  [['reset-password', 'bob', '--password-stdin'], /--password-stdin found nothing/],
  [['disable'], /missing required argument/],
  [['delete', 'bob'], /unknown command/],
]
for (const [verb, expected] of unusable) {
  test(`pop user ${verb.join(' ')} is a usage error, and nothing is sent`, async () => {
    const { code, stderr } = await run(['user', ...verb])
    assert.equal(code, 2, stderr)
    assert.match(stderr, expected)
  })
}

test('pop user list refuses numbers that are none with what was expected', async () => {
  const { code, stderr } = await run(['user', 'list', '--max', '500'])
  assert.equal(code, 1)
  assert.match(stderr, /409|max: expected a whole number from 1 to 200/)
})
