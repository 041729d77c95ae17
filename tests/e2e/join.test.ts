import assert from 'node:assert/strict'
import { fork } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { startControl } from '@pop-api/control'
import { joinGateway } from '@pop-api/workload'
import { root } from '../tree.ts'
import { developmentSection } from './development-section.ts'

const policy = { roles: {}, module_permissions: {}, grants: {} }
const anyPort = { host: '127.0.0.1', port: 0 }

test('kafka_service starts as a program, enrols as a stranger, and a gateway learns where it is', async () => {
  const home = await mkdtemp(join(tmpdir(), 'pop-join-'))
  await using stack = new AsyncDisposableStack()
  stack.defer(() => rm(home, { recursive: true }))
  const control = stack.use(
    await startControl({
      home: join(home, 'control'),
      listen: { control: anyPort, admin: anyPort },
      domain: 'pop.internal',
      name: 'control-1',
      environment: 'development',
      policy,
      settings: developmentSection(),
      approveAutomatically: true,
    }),
  )
  const bootOf = (name: string, kind: 'module' | 'gateway') => ({
    name,
    home: join(home, name),
    listen: { module: anyPort },
    admin: control.admin,
    anchor: { root_spki_sha256: control.rootSpkiSha256 },
    token: control.issueToken({ name, kind }),
  })
  const bootPath = join(home, 'boot.json')
  await writeFile(bootPath, JSON.stringify(bootOf('kafka_service', 'module')), { mode: 0o600 })
  const child = fork(join(root, 'modules/kafka-service/bin/kafka-service.ts'), {
    env: { ...process.env, POP_BOOT: bootPath },
  })
  const [ready] = await once(child, 'message')
  assert.equal(ready.type, 'ready')
  const gateway = stack.use(await joinGateway(bootOf('gateway-1', 'gateway')))
  const entry = gateway.bulletin.section('modules')?.['kafka_service']
  assert.deepEqual(
    entry?.instances.map((instance) => instance.address),
    [ready.address],
  )
  const ended = once(child, 'exit')
  child.disconnect()
  assert.deepEqual((await ended)[0], 0)
})
