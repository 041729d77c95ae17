import { benchmarkParts, startGateway } from '@pop-api/gateway'
import { joinGateway } from '@pop-api/workload'
import { readTask, type GatewayTask } from './child.ts'
import { unsealed } from './unsealed.ts'

// (b), (c), (d) A gateway that enrolled like any other. Without a seal it believes whatever answers: it forwards to loopback only.
// The task was written by `startMeasured` for this very program.
const { boot, parts } = readTask() as GatewayTask
const anyPort = { host: '127.0.0.1', port: 0 }
const member = await joinGateway(boot)
const failed = (_requestId: string, failure: unknown): void => void process.stderr.write(`${String(failure)}\n`)
const options = { member, home: boot.home, listen: { gateway: anyPort, operations: anyPort }, failed }
const { gateway } = await startGateway(
  parts === undefined ? options : { ...options, [benchmarkParts]: { seal: unsealed, tokensMax: parts.tokensMax } },
)
process.send?.({ origin: gateway })
process.on('disconnect', () => process.exit(0))
