import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdir, writeFile } from 'node:fs/promises'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import { test } from 'node:test'
import { aroundPop } from '../commands/try-pop.ts'
import { lockHome } from './home.ts'
import { writeRunFile, type RunProcess } from './run-file.ts'

/** A home as a run has it, whose gateway says that it is ready; nothing of it runs but what is told. */
async function runningHome(processes: Readonly<Record<string, RunProcess>>) {
  const stack = new AsyncDisposableStack()
  const around = stack.use(await aroundPop())
  const home = stack.use(await lockHome(join(around.folder, 'home')))
  const server = stack.use(createServer((_request, response) => void response.end('{}')).listen(0, '127.0.0.1'))
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo // listens on TCP
  await writeRunFile(home.path, {
    version: 1,
    supervisor: { pid: process.pid },
    processes,
    gateway: 'https://localhost:8443',
    operations: `http://127.0.0.1:${port}`,
    control: 'https://127.0.0.1:7443',
    admin: 'https://127.0.0.1:7445',
    issuer: 'https://id.example',
    modules: {},
    ca: join(home.path, 'ca.pem'),
  })
  const status = async () => {
    const { code, stdout, stderr } = await around.pop(['status'])
    const rows = stdout.split('\n').map((line) => line.split(/ +/).slice(0, 4))
    return { code, rows: rows.slice(1, -1).map(([name, , state, restarts]) => [name, state, restarts]), stderr }
  }
  return { around, server, status, [Symbol.asyncDispose]: () => stack.disposeAsync() }
}

const running: RunProcess = { pid: process.pid, starts: 1, ready: true }

/** The number of a process that has ended. */
async function endedPid(): Promise<number> {
  const child = spawn(process.execPath, ['-e', ''])
  await once(child, 'exit')
  return child.pid ?? 0
}

test('pop status shows how often each process was started again', async () => {
  await using home = await runningHome({ control: running, gateway: { ...running, starts: 3 } })
  assert.deepEqual(await home.status(), {
    code: 0,
    rows: [
      ['control', 'running', '0'],
      ['gateway', 'running', '2'],
    ],
    stderr: '',
  })
})

test('pop status does not show a process as running that is not ready again, or has ended', async () => {
  const ended = { ...running, pid: await endedPid() }
  await using home = await runningHome({ control: ended, gateway: { pid: process.pid, starts: 2, ready: false } })
  const { code, rows, stderr } = await home.status()
  assert.equal(code, 1)
  assert.deepEqual(rows, [
    ['control', 'ended', '0'],
    ['gateway', 'starting', '1'],
  ])
  assert.equal(
    stderr,
    'pop: not all is well: control has ended; gateway is starting. See `pop logs`, and `pop doctor`\n',
  )
})

test('pop status does not show a gateway as running that does not answer', async () => {
  await using home = await runningHome({ control: running, gateway: running })
  home.server.removeAllListeners('request').on('request', (_request, response) => void response.destroy())
  const { code, rows, stderr } = await home.status()
  assert.equal(code, 1)
  assert.deepEqual(rows[1], ['gateway', 'silent', '0'])
  assert.match(stderr, /^pop: not all is well: the gateway does not answer: .+\n$/)
  home.server.removeAllListeners('request')
  assert.match((await home.status()).stderr, /the gateway does not answer: nothing within 2 s\. See/)
})

test('pop reset says what to do first while something runs, and removes nothing', async () => {
  await using home = await runningHome({ control: running, gateway: running })
  const { code, stderr } = await home.around.pop(['reset', '--yes'])
  assert.equal(code, 2)
  assert.match(stderr, /runs already on the home .+\. Stop it first: `pop down`\. Nothing was removed\n$/)
  assert.equal((await home.status()).code, 0)
})

test('pop logs says of a process that it has said nothing yet', async () => {
  await using around = await aroundPop()
  const logs = join(around.folder, 'home', 'logs')
  await mkdir(logs, { recursive: true })
  await writeFile(join(logs, 'gateway.log'), '')
  await writeFile(join(logs, 'control.log'), 'one\n')
  const silent = await around.pop(['logs', 'gateway'])
  assert.deepEqual(silent, { code: 0, stdout: '', stderr: 'gateway has said nothing yet\n' })
  assert.deepEqual(await around.pop(['logs', 'control']), { code: 0, stdout: 'one\n', stderr: '' })
  assert.equal((await around.pop(['logs', 'gateway', '-n', '0'])).stderr, '')
})
