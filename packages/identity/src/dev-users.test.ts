import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { chmod, mkdtemp, readFile, rm, stat, symlink, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { ensureDevUsers, readDevUsers } from './dev-users-file.ts'
import { makeDevUsers, parseDevUsers, shortPassword } from './dev-users.ts'
import { decodeBase32 } from './totp.ts'

const program = join(import.meta.dirname, '../bin/make-dev-users.ts')

test('makeDevUsers() makes alice, bob, carol and reporter with secrets of their own', () => {
  const { users, clients } = makeDevUsers()
  assert.deepEqual(
    users.map(({ username, roles }) => ({ username, roles })),
    [
      { username: 'alice', roles: ['admin', 'user'] },
      { username: 'bob', roles: ['user'] },
      { username: 'carol', roles: ['reader'] },
    ],
  )
  assert.deepEqual(
    clients.map(({ client_id, roles }) => ({ client_id, roles })),
    [{ client_id: 'reporter', roles: ['reader'] }],
  )
  const secrets = [...users.map((user) => user.password), ...clients.map((client) => client.client_secret)]
  for (const secret of secrets) assert.match(secret, /^[2-9A-HJ-NP-Za-km-z]{20,}$/)
  for (const user of users) assert.equal(decodeBase32(user.totp_secret)?.length, 20)
  const again = makeDevUsers()
  const all = [users, again.users].flat().flatMap((user) => [user.id, user.password, user.totp_secret])
  assert.equal(new Set(all).size, all.length)
})

test('parseDevUsers() takes what makeDevUsers() makes, and permissions that somebody adds', () => {
  const made = makeDevUsers()
  assert.deepEqual(parseDevUsers(JSON.stringify(made)), made)
  const [alice, ...others] = made.users
  const more = { ...made, users: [{ ...alice, module_permissions: { kafka_service: ['kafka.create'] } }, ...others] }
  assert.deepEqual(parseDevUsers(JSON.stringify(more)), more)
})

const publicKey = { kty: 'EC', crv: 'P-256', x: 'eA', y: 'eQ', kid: 'k' }

test('parseDevUsers() takes a user without a second factor, and a client with public keys', () => {
  const { users, clients } = makeDevUsers()
  const [reporter] = clients
  const newcomers = users.map(({ totp_secret: _secret, ...user }) => user)
  const more = { users: newcomers, clients: [{ ...reporter, jwks: { keys: [publicKey] } }] }
  assert.deepEqual(parseDevUsers(JSON.stringify(more)), more)
})

test('parseDevUsers() refuses a private key, a symmetric one, and no key at all', () => {
  const { users, clients } = makeDevUsers()
  const [reporter] = clients
  const bad = [{ ...publicKey, d: 'x' }, { kty: 'oct', k: 'x' }, 'key']
  for (const keys of [[], ...bad.map((key) => [key]), [publicKey, bad[0]]]) {
    const file = { users, clients: [{ ...reporter, jwks: { keys } }] }
    assert.equal(parseDevUsers(JSON.stringify(file)), undefined, JSON.stringify(keys))
  }
  assert.equal(parseDevUsers(JSON.stringify({ users, clients: [{ ...reporter, jwks: [publicKey] }] })), undefined)
})

test('shortPassword() names who has one, counts characters, and is content at the minimum', () => {
  const { users, clients } = makeDevUsers()
  const [alice, bob] = users
  assert(alice !== undefined && bob !== undefined)
  const withPassword = (password: string) => ({ users: [alice, { ...bob, password }], clients })
  assert.equal(shortPassword(withPassword('x'.repeat(12)), 12), undefined)
  assert.equal(shortPassword(withPassword('\u{1f511}'.repeat(12)), 12), undefined)
  const reason = shortPassword(withPassword('\u{1f511}'.repeat(11)), 12) ?? ''
  assert.match(
    reason,
    /^The password of "bob" has 11 characters, and security_config\.minimum_password_length asks for 12/,
  )
})

test('parseDevUsers() refuses everything that is not exactly that shape', () => {
  const made = makeDevUsers()
  const [alice, bob] = made.users
  const [reporter] = made.clients
  assert(alice !== undefined && bob !== undefined && reporter !== undefined)
  const bad: readonly unknown[] = [
    [],
    { users: made.users },
    { ...made, more: 1 },
    { ...made, users: {} },
    { ...made, users: [{ ...alice, more: 1 }] },
    { ...made, users: [{ ...alice, id: 'alice' }] },
    { ...made, users: [{ ...alice, password: '' }] },
    { ...made, users: [{ ...alice, totp_secret: 'abc' }] },
    { ...made, users: [{ ...alice, roles: 'admin' }] },
    { ...made, users: [{ ...alice, module_permissions: ['kafka.create'] }] },
    { ...made, users: [{ ...alice, module_permissions: { kafka_service: 'kafka.create' } }] },
    { ...made, users: [alice, { ...bob, username: 'alice' }] },
    { ...made, users: [alice, { ...bob, id: alice.id }] },
    { ...made, clients: [{ ...reporter, subject: alice.id }] },
    { ...made, clients: [{ ...reporter, client_id: 'alice' }] },
    { ...made, clients: [{ ...reporter, client_secret: 7 }] },
  ]
  for (const value of bad) assert.equal(parseDevUsers(JSON.stringify(value)), undefined, JSON.stringify(value))
  assert.equal(parseDevUsers(JSON.stringify(made).slice(1)), undefined)
  assert.equal(parseDevUsers(JSON.stringify(made).replace('{"users"', '{"clients":[],"users"')), undefined)
})

test('ensureDevUsers() makes a file for its owner alone and never overwrites it', async (t) => {
  const file = join(await folderFor(t), 'dev-users.json')
  const [first, second] = await Promise.all([ensureDevUsers(file), ensureDevUsers(file)])
  assert.deepEqual(first, second)
  assert.equal((await stat(file)).mode & 0o777, 0o600)
  assert.deepEqual(await ensureDevUsers(file), first)
  assert.deepEqual(await readDevUsers(file), first)
})

test('readDevUsers() refuses a file that is absent, exposed, a link or broken', async (t) => {
  const folder = await folderFor(t)
  const file = join(folder, 'dev-users.json')
  await assert.rejects(readDevUsers(file), { code: 'secret-missing' })
  await ensureDevUsers(file)
  await symlink(file, join(folder, 'link.json'))
  await assert.rejects(readDevUsers(join(folder, 'link.json')), { code: 'secret-exposed' })
  for (const mode of [0o640, 0o604, 0o622]) {
    await chmod(file, mode)
    await assert.rejects(readDevUsers(file), { code: 'secret-exposed' })
  }
  await chmod(file, 0o600)
  await writeFile(file, '{}')
  await assert.rejects(readDevUsers(file), { code: 'secret-unreadable' })
})

test('make-dev-users makes the file once and exits with 0', async (t) => {
  const file = join(await folderFor(t), 'dev-users.json')
  assert.deepEqual(makeDevUsersByProgram([file]), { status: 0, stdout: '', stderr: '' })
  const content = await readFile(file, 'utf8')
  assert.deepEqual(makeDevUsersByProgram([file]), { status: 0, stdout: '', stderr: '' })
  assert.equal(await readFile(file, 'utf8'), content)
})

test('make-dev-users says in one line what is wrong, changes nothing and exits with 2', async (t) => {
  const file = join(await folderFor(t), 'dev-users.json')
  await ensureDevUsers(file)
  await chmod(file, 0o644)
  const exposed = makeDevUsersByProgram([file])
  await chmod(file, 0o600)
  await writeFile(file, 'not JSON')
  for (const result of [
    exposed,
    makeDevUsersByProgram([file]),
    makeDevUsersByProgram([]),
    makeDevUsersByProgram(['', '']),
  ]) {
    assert.equal(result.status, 2)
    assert.match(result.stderr, /^make-dev-users: [^\n]+\n$/)
  }
  assert.equal(await readFile(file, 'utf8'), 'not JSON')
})

function makeDevUsersByProgram(values: readonly string[]): { status: number | null; stdout: string; stderr: string } {
  const { status, stdout, stderr } = spawnSync(process.execPath, [program, ...values], { encoding: 'utf8' })
  return { status, stdout, stderr }
}

async function folderFor(t: { after(action: () => Promise<void>): void }): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'pop-users-'))
  t.after(() => rm(folder, { recursive: true }))
  return folder
}
