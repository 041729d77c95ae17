import assert from 'node:assert/strict'
import { once } from 'node:events'
import { test } from 'node:test'
import { connect } from 'node:tls'
import type { AuditEvent } from '@pop-api/audit'
import { startPop, type Pop, type TestModule } from '@pop-api/testkit'
import { emptyFiles, filesModule, zeros } from '../files.ts'

/** The files module, with something that is done when the gateway has ended and the homes are still there. */
function filesThat(files: ReturnType<typeof emptyFiles>, atEnd: () => Promise<void>): TestModule {
  const inner = filesModule(files)
  return {
    ...inner,
    open: async (home) => {
      const { definition } = await inner.open(home)
      return { definition, [Symbol.asyncDispose]: atEnd }
    },
  }
}

/** Sends bytes and reads nothing. */
async function stall(pop: Pop, bytes: string): Promise<void> {
  const { hostname, port } = new URL(pop.gateway)
  const socket = connect({ host: hostname, port: Number(port), ca: pop.ca })
  socket.on('error', () => undefined)
  await once(socket, 'secureConnect')
  socket.pause()
  socket.write(bytes)
}

test('a gateway that ends while clients stall cuts them off, and records how each request ended', async () => {
  const files = emptyFiles()
  files.answer = () => ({ bytes: zeros(50_000_000, 65_536), lengthBytes: 50_000_000 })
  let events: AuditEvent[] = []
  const pop: Pop = await startPop({
    modules: [filesThat(files, async () => void (events = await pop.audit('gateway')))],
  })
  const token = await pop.token('alice')
  const head = (method: string, more = ''): string =>
    `${method} /v1/files/file HTTP/1.1\r\nhost: localhost\r\nauthorization: Bearer ${token}\r\n${more}\r\n`
  await stall(pop, head('GET'))
  await stall(pop, `${head('PUT', 'content-length: 100\r\n')}abc`)
  while (!(await pop.audit('gateway')).some(({ status }) => status === 'opened'))
    await new Promise((resolve) => setTimeout(resolve, 10))
  await pop[Symbol.asyncDispose]()
  const ended = (operation: string): unknown[] =>
    events.filter((event) => event.operation === operation && event.status !== 'opened').map(({ reason }) => reason)
  assert.deepEqual(ended('PUT /v1/files/file'), ['malformed-request'])
  assert.deepEqual(ended('GET /v1/files/file'), ['client-gone'])
  assert.deepEqual(files.commits, [])
  assert.deepEqual(pop.failures, [])
})
