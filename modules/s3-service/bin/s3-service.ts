#!/usr/bin/env node
import { join } from 'node:path'
import { ensureSecretFolder, openFileWrapper } from '@pop-api/keyring'
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
import { defineS3Service, hasObjectBook, manifest, openFileDriver, quotaUnlessTold } from '../src/index.ts'

// The module as a child of the supervisor: `POP_BOOT` names its boot file, with the listener `module`.
// To the supervisor: { type: 'ready', address }
const log = openProcessLog('s3_service')
try {
  const boot = await readBootFile()
  const started = new AsyncDisposableStack()
  // Before anything that waits: a supervisor that is gone must not leave behind a child that still looks for control.
  superviseProcess(() => started.disposeAsync())
  await ensureSecretFolder(boot.home)
  const whenMissing = (await hasObjectBook(boot.home)) ? 'refuse' : 'make'
  const keys = await openFileWrapper(join(boot.home, 'keys', 'objects.json'), whenMissing)
  const onFault = (err: unknown): void => log.error({ err }, 'a file could not be removed')
  const options = { home: boot.home, keys, quota: quotaUnlessTold, nowMs: Date.now, onFault }
  const driver = started.use(await openFileDriver(options))
  const workload = started.use(await joinModule(boot, manifest, { onProblem: (err) => log.warn({ err }, 'control') }))
  const running = started.use(
    await startModule({
      definition: defineS3Service(driver),
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
  process.stderr.write(`s3_service: ${error instanceof Error ? error.message : String(error)}\n`)
  process.exit(2)
}
