import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { createServer } from 'node:net'
import type { AddressInfo } from 'node:net'
import { test } from 'node:test'
import { choosePorts } from '../up/ports.ts'
import { checkDisk, checkRuntime, judgeDisk } from './machine.ts'
import { checkPorts, checkProcesses } from './processes.ts'
import { checkSeparation, judgeSeparation } from './separation.ts'
import { standInRun } from './stand-in-patient.ts'

test('checkRuntime() passes this Node, and fails one that is too old', () => {
  assert.equal(checkRuntime().state, 'ok')
  const old = checkRuntime('v20.11.1')
  assert.equal(old.state, 'fail')
  assert.match(old.remedy ?? '', /npm ci/)
})

test('checkDisk() asks the file system of a home, also before it is made; a full one fails', async () => {
  assert.match((await checkDisk('/tmp/there/is/no/such/home')).message, /MiB are free/)
  assert.deepEqual(
    [judgeDisk(5_000), judgeDisk(500), judgeDisk(50)].map(({ state }) => state),
    ['ok', 'warn', 'fail'],
  )
})

test('checkProcesses() tells a process that runs from one that starts, was restarted, or ended', async () => {
  const child = spawn(process.execPath, ['-e', ''])
  await once(child, 'exit')
  const process_ = { pid: process.pid, starts: 1, ready: true }
  const findings = checkProcesses({
    run: standInRun({
      control: process_,
      identity: { ...process_, ready: false },
      kafka_service: { ...process_, starts: 3 },
      gateway: { ...process_, pid: child.pid ?? 0 },
    }),
  })
  assert.deepEqual(
    findings.map(({ state }) => state),
    ['ok', 'warn', 'warn', 'fail'],
  )
  assert.match(findings[2]?.message ?? '', /started again 2 times/)
  assert.match(findings[3]?.remedy ?? '', /pop logs gateway/)
  assert.deepEqual(
    checkProcesses({ run: undefined }).map(({ state }) => state),
    ['skip'],
  )
})

test('checkPorts() warns of a port in use, and leaves those of a run alone', async () => {
  const ports = choosePorts(0)
  assert.equal((await checkPorts({ isLocked: false }, ports)).state, 'ok')
  const server = createServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo // listens on TCP
  const taken = await checkPorts({ isLocked: false }, { ...ports, gateway: port })
  server.close()
  assert.equal(taken.state, 'warn')
  assert.match(taken.message, new RegExp(`${port} \\(gateway\\): in use`))
  assert.equal((await checkPorts({ isLocked: true }, ports)).state, 'skip')
})

test('judgeSeparation() says what one process that is taken over could read', () => {
  assert.equal(judgeSeparation([1, 2, 3], 'production').state, 'ok')
  const shared = judgeSeparation([5, 5], 'development')
  assert.equal(shared.state, 'ok')
  assert.match(shared.message, /share one user: one that is taken over can read the files of the others/)
  assert.equal(judgeSeparation([5, 5], 'production').state, 'warn')
  assert.match(judgeSeparation([0, 0], 'development').remedy ?? '', /root/)
})

test('checkSeparation() asks the system for the users of the processes', async () => {
  const run = standInRun({ control: { pid: process.pid, starts: 1, ready: true } })
  assert.equal((await checkSeparation({ run, settings: undefined })).check, 'separation')
  assert.equal((await checkSeparation({ run: undefined, settings: undefined })).state, 'skip')
})
