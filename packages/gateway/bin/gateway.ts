#!/usr/bin/env node
import { ensureSecretFolder } from '@pop-api/keyring'
import { joinGateway, openProcessLog, readBootFile, reportReady, superviseProcess } from '@pop-api/workload'
import { startGateway } from '../src/index.ts'

// The data plane as a child of the supervisor: `POP_BOOT` names its boot file, with listeners `gateway`, `operations` and,
// should the settings want it, `gatewayMtls`. To the supervisor: { type: 'ready', gateway, operations, gatewayMtls? }
const log = openProcessLog('gateway')
try {
  const boot = await readBootFile()
  const { gateway, operations, gatewayMtls } = boot.listen
  if (gateway === undefined || operations === undefined)
    throw new Error('The boot file must say listen.gateway and listen.operations.')
  const started = new AsyncDisposableStack()
  // Before anything that waits: a supervisor that is gone must not leave behind a child that still looks for control.
  superviseProcess(() => started.disposeAsync())
  await ensureSecretFolder(boot.home)
  const member = started.use(await joinGateway(boot, { onProblem: (err) => log.warn({ err }, 'control') }))
  const running = started.use(
    await startGateway({
      member,
      home: boot.home,
      listen: { gateway, operations, ...(gatewayMtls === undefined ? {} : { gatewayMtls }) },
      failed: (request_id, err) => log.error({ request_id, err }, 'request failed'),
      onSettings: ({ log: { level } }) => log.setLevel(level),
    }),
  )
  const addresses = {
    gateway: running.gateway,
    operations: running.operations,
    ...(running.gatewayMtls === undefined ? {} : { gatewayMtls: running.gatewayMtls }),
  }
  log.info(addresses, 'ready')
  await reportReady(addresses)
} catch (error) {
  process.stderr.write(`gateway: ${error instanceof Error ? error.message : String(error)}\n`)
  process.exit(2)
}
