#!/usr/bin/env node
import { mkdir } from 'node:fs/promises'
import { join } from 'node:path'
import { startModule } from '@pop-api/module'
import {
  joinModule,
  meshServerOptions,
  openProcessLog,
  peerSpiffeId,
  readBootFile,
  reportReady,
  superviseProcess,
} from '@pop-api/workload'
import { defineKafkaService, manifest, openSqliteDriver } from '../src/index.ts'

// The module as a child of the supervisor: `POP_BOOT` names its boot file, with the listener `module`.
// To the supervisor: { type: 'ready', address }
const log = openProcessLog('kafka_service')
try {
  const boot = await readBootFile()
  const started = new AsyncDisposableStack()
  // Before anything that waits: a supervisor that is gone must not leave behind a child that still looks for control.
  superviseProcess(() => started.disposeAsync())
  await mkdir(boot.home, { recursive: true, mode: 0o700 })
  const driver = started.use(openSqliteDriver(join(boot.home, 'topics.db'), Date.now))
  const workload = started.use(await joinModule(boot, manifest, { onProblem: (err) => log.warn({ err }, 'control') }))
  const running = started.use(
    await startModule({
      definition: defineKafkaService(driver),
      workload,
      transport: { meshServerOptions, peerSpiffeId },
      listen: boot.listen['module'] ?? { host: '127.0.0.1', port: 0 },
      home: boot.home,
      onFault: (err, request_id) => log.error({ request_id, err }, 'request failed'),
    }),
  )
  log.info({ address: running.address }, 'ready')
  await reportReady({ address: running.address })
} catch (error) {
  process.stderr.write(`kafka_service: ${error instanceof Error ? error.message : String(error)}\n`)
  process.exit(2)
}
