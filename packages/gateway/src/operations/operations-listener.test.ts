import assert from 'node:assert/strict'
import { once } from 'node:events'
import type { AddressInfo } from 'node:net'
import { test } from 'node:test'
import { createOperationsListener, type OperationsOptions } from './operations-listener.ts'

async function listener(options: Partial<OperationsOptions> = {}) {
  const failures: unknown[] = []
  const server = createOperationsListener({
    checks: [],
    metrics: async () => 'pop_requests_total 1\n',
    failed: (failure) => failures.push(failure),
    tls: undefined,
    ...options,
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  // A server that listens on TCP has an AddressInfo.
  const { port } = server.address() as AddressInfo
  return {
    failures,
    get: (path: string, init: RequestInit = {}) => fetch(`http://127.0.0.1:${port}${path}`, init),
    async [Symbol.asyncDispose]() {
      server.closeAllConnections()
      server.close()
      await once(server, 'close')
    },
  }
}

test('createOperationsListener() answers /livez, /metrics and nothing else, to GET alone', async () => {
  await using operations = await listener()
  assert.equal((await operations.get('/livez')).status, 200)
  assert.match(await (await operations.get('/metrics')).text(), /pop_requests_total/)
  assert.equal((await operations.get('/')).status, 404)
  assert.equal((await operations.get('/livez', { method: 'POST' })).status, 405)
})

test('createOperationsListener() is ready when every check is, and says which is not', async () => {
  let fault: string | undefined
  const checks = [
    { name: 'one', fault: () => undefined },
    { name: 'two', fault: () => fault },
  ]
  await using operations = await listener({ checks })
  assert.equal((await operations.get('/readyz')).status, 200)
  fault = 'gone'
  const answer = await operations.get('/readyz')
  assert.equal(answer.status, 503)
  assert.deepEqual(await answer.json(), {
    ready: false,
    checks: [
      { name: 'one', fault: null },
      { name: 'two', fault: 'gone' },
    ],
  })
})

test('createOperationsListener() says that metrics failed, and tells why to the log only', async () => {
  await using operations = await listener({ metrics: () => Promise.reject(new Error('inner')) })
  const answer = await operations.get('/metrics')
  assert.equal(answer.status, 500)
  assert.doesNotMatch(await answer.text(), /inner/)
  assert.equal(operations.failures.length, 1)
})
