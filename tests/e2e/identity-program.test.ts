import assert from 'node:assert/strict'
import { fork } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { get } from 'node:https'
import { createServer, type AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { json, text } from 'node:stream/consumers'
import { test } from 'node:test'
import { startControl } from '@pop-api/control'
import { ensureDevUsers } from '@pop-api/identity'
import { root } from '../tree.ts'
import { developmentSection } from './development-section.ts'

const anyPort = { host: '127.0.0.1', port: 0 }
const security = {
  token_expiration: 600,
  max_failed_attempts: 5,
  lockout_duration: 300,
  minimum_password_length: 12,
  require_2fa: true,
}

/** A real control, the users of development, and identity as a program that has not been started yet. */
async function startWorld() {
  await using stack = new AsyncDisposableStack()
  const home = await mkdtemp(join(tmpdir(), 'pop-identity-'))
  stack.defer(() => rm(home, { recursive: true }))
  const control = stack.use(
    await startControl({
      home: join(home, 'control'),
      listen: { control: anyPort, admin: anyPort },
      domain: 'pop.internal',
      name: 'control-1',
      environment: 'development',
      policy: { roles: {}, module_permissions: {}, grants: {} },
      settings: developmentSection(),
      approveAutomatically: true,
    }),
  )
  const usersFile = join(home, 'dev-users.json')
  await ensureDevUsers(usersFile)
  const start = async (change: object = {}) => {
    const boot = {
      name: 'identity',
      home: join(home, 'identity'),
      listen: { identity: anyPort },
      admin: control.admin,
      anchor: { root_spki_sha256: control.rootSpkiSha256 },
      token: control.issueToken({ name: 'identity', kind: 'issuer' }),
      users_file: usersFile,
      gateway: { client_id: 'pop-gateway', client_secret: 'the secret of the gateway' },
      security,
      ...change,
    }
    const path = join(home, 'boot.json')
    await writeFile(path, JSON.stringify(boot), { mode: 0o600 })
    const program = join(root, 'packages/identity/bin/identity.ts')
    const child = fork(program, { env: { ...process.env, POP_BOOT: path }, silent: true })
    const exited = once(child, 'exit')
    const errors = child.stderr === null ? '' : text(child.stderr)
    return {
      child,
      exited,
      errors,
      [Symbol.asyncDispose]: async () => {
        if (child.exitCode === null && child.signalCode === null) child.kill('SIGKILL')
        await exited
      },
    }
  }
  const world = stack.move()
  return { control, home, start, [Symbol.asyncDispose]: () => world.disposeAsync() }
}

test('identity starts as a program, serves with a certificate of control, and stops on SIGTERM', async () => {
  await using world = await startWorld()
  await using started = await world.start()
  const [ready] = await once(started.child, 'message')
  assert.equal(ready.type, 'ready')
  assert.match(ready.issuer, /^https:\/\/localhost:\d+\/realms\/pop$/)
  const asked = get(`${ready.issuer}/.well-known/openid-configuration`, { ca: world.control.caPem, agent: false })
  const [answer] = await once(asked, 'response')
  assert.equal(answer.statusCode, 200)
  const discovery = await json(answer)
  assert.equal(typeof discovery === 'object' && discovery !== null && Reflect.get(discovery, 'issuer'), ready.issuer)
  started.child.kill('SIGTERM')
  assert.deepEqual(await started.exited, [0, null])
})

test('identity starts again with the credentials that it kept, and needs no token for it', async () => {
  await using world = await startWorld()
  for (const change of [{}, { token: undefined }]) {
    await using started = await world.start(change)
    const [ready] = await once(started.child, 'message')
    assert.equal(ready.type, 'ready')
    started.child.disconnect()
    assert.deepEqual(await started.exited, [0, null])
  }
})

test('identity ends with its supervisor also while it still looks for control', async () => {
  await using world = await startWorld()
  const closed = createServer().listen(anyPort)
  await once(closed, 'listening')
  const { port } = closed.address() as AddressInfo // listens on TCP
  closed.close()
  await using started = await world.start({ admin: `https://127.0.0.1:${port}` })
  // The boot file is gone once it was read; the disconnect then meets a process that waits for control.
  started.child.disconnect()
  assert.deepEqual(await started.exited, [0, null])
})

test('identity exits with 2 and one line when its boot file is not usable or its port is taken', async () => {
  await using world = await startWorld()
  await using other = createServer().listen(anyPort)
  await once(other, 'listening')
  const { port } = other.address() as AddressInfo // listens on TCP
  const changes = [
    { security: {} },
    { users_file: join(world.home, 'nobody.json') },
    { listen: { identity: { host: '127.0.0.1', port } } },
  ]
  for (const change of changes) {
    await using started = await world.start(change)
    assert.deepEqual(await started.exited, [2, null])
    // oidc-provider may have said before that it does not know this Node yet.
    assert.match(await started.errors, /(^|\n)identity: [^\n]+\n$/)
  }
})
