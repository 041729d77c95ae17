import { startGateway } from '@pop-api/gateway'
import { exchange, type ClientAnswer, type Pop } from '@pop-api/testkit'
import { joinGateway } from '@pop-api/workload'
import { mkdir } from 'node:fs/promises'
import { join } from 'node:path'

/** One more gateway of a system, as a client sees it. */
export interface SecondGateway extends AsyncDisposable {
  readonly origin: string
  readonly home: string
  readonly failures: readonly unknown[]
  readonly call: (token: string, method: string, path: string, body?: unknown) => Promise<ClientAnswer>
}

/** Enrols and starts it beside the one that the system has. */
export async function startSecondGateway(pop: Pop, name = 'gateway-2'): Promise<SecondGateway> {
  await using stack = new AsyncDisposableStack()
  const home = join(pop.home, name)
  await mkdir(home, { mode: 0o700 })
  const failures: unknown[] = []
  const { admin, rootSpkiSha256, issueToken } = pop.control
  const token = issueToken({ name, kind: 'gateway' })
  const boot = { name, home, listen: {}, admin, anchor: { root_spki_sha256: rootSpkiSha256 }, token }
  const member = stack.use(await joinGateway(boot, { onProblem: (problem) => failures.push(problem) }))
  const anyPort = { host: '127.0.0.1', port: 0 }
  const listen = { gateway: anyPort, operations: anyPort }
  const failed = (_requestId: string, failure: unknown): void => void failures.push(failure)
  const { gateway: origin } = stack.use(await startGateway({ member, home, listen, failed }))
  const owned = stack.move()
  return {
    origin,
    home,
    failures,
    call: (bearer, method, path, body) => {
      const headers = { authorization: `Bearer ${bearer}`, 'content-type': 'application/json' }
      const asked = { method, origin, path, ca: pop.ca, headers }
      return exchange(body === undefined ? asked : { ...asked, body: JSON.stringify(body) })
    },
    [Symbol.asyncDispose]: () => owned.disposeAsync(),
  }
}
