import assert from 'node:assert/strict'
import { fork, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { access, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { fileURLToPath } from 'node:url'
import { joinGateway } from '@pop-api/workload'
import { policy, settingsWith } from './test-world.ts'

const program = fileURLToPath(new URL('../bin/control.ts', import.meta.url))

async function startProgram(change: object = {}) {
  const folder = await mkdtemp(join(tmpdir(), 'pop-program-'))
  const path = join(folder, 'boot.json')
  const listen = { control: { host: '127.0.0.1', port: 0 }, admin: { host: '127.0.0.1', port: 0 } }
  const named = { name: 'control-1', home: join(folder, 'control'), listen, domain: 'pop.internal' }
  const boot = {
    ...named,
    environment: 'development',
    approve_automatically: true,
    policy,
    settings: settingsWith('full'),
    ...change,
  }
  await writeFile(path, JSON.stringify(boot), { mode: 0o600 })
  const child = fork(program, { env: { ...process.env, POP_BOOT: path }, silent: true })
  const exited = once(child, 'exit')
  return {
    child,
    exited,
    folder,
    path,
    [Symbol.asyncDispose]: async () => {
      if (child.exitCode === null && child.signalCode === null) child.kill('SIGKILL')
      await exited
      await rm(folder, { recursive: true })
    },
  }
}

async function messageOf(child: ChildProcess): Promise<Readonly<Record<string, string>>> {
  const [message] = (await once(child, 'message')) as [Record<string, string>] // what bin/control.ts sends
  return message
}

test('control reports where it listens, gives tokens, publishes, and stops on SIGTERM', async () => {
  await using started = await startProgram()
  const { child, exited, folder, path } = started
  const ready = await messageOf(child)
  assert.equal(ready['type'], 'ready')
  await assert.rejects(access(path))
  child.send({ type: 'token', id: 1, name: 'gateway-1', kind: 'gateway' })
  const { token = '', id } = await messageOf(child)
  assert.equal(Number(id), 1)
  const anchor = { root_spki_sha256: ready['root_spki_sha256'] ?? '' }
  const boot = {
    name: 'gateway-1',
    home: join(folder, 'gateway-1'),
    listen: {},
    admin: ready['admin'] ?? '',
    anchor,
    token,
  }
  const gateway = await joinGateway(boot)
  const changed = new Promise((resolve) => gateway.bulletin.onChange(resolve))
  child.send({ type: 'publish', section: 'settings', value: settingsWith('basic') })
  assert.equal(await changed, 'settings')
  await gateway[Symbol.asyncDispose]()
  child.send({ type: 'token', id: 2, name: 'a/b', kind: 'root' })
  assert.match((await messageOf(child))['error'] ?? '', /gateway, module or issuer/)
  child.kill('SIGTERM')
  assert.deepEqual(await exited, [0, null])
})

test('control stops when its supervisor is gone, and ignores SIGINT while it is there', async () => {
  await using started = await startProgram()
  await messageOf(started.child)
  started.child.kill('SIGINT')
  started.child.send({ type: 'token', id: 1, name: 'gateway-1', kind: 'gateway' })
  assert.match((await messageOf(started.child))['token'] ?? '', /^pop-enrol\./)
  started.child.disconnect()
  assert.deepEqual(await started.exited, [0, null])
})

test('control exits with 2 and one line when its boot file is not usable or its home is in use', async () => {
  await using running = await startProgram()
  await messageOf(running.child)
  for (const change of [
    { domain: 7 },
    { policy: {} },
    { settings: {} },
    { lives: {} },
    { home: join(running.folder, 'control') },
  ]) {
    await using started = await startProgram(change)
    let text = ''
    started.child.stderr?.setEncoding('utf8').on('data', (chunk: string) => (text += chunk))
    assert.deepEqual(await started.exited, [2, null])
    assert.match(text, /^control: [^\n]+\n$/)
  }
})
