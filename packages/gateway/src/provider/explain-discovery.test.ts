import assert from 'node:assert/strict'
import { once } from 'node:events'
import { createServer, type RequestListener } from 'node:http'
import type { AddressInfo } from 'node:net'
import { test } from 'node:test'
import { allowInsecureRequests, discovery } from 'openid-client'
import { explainDiscovery } from './explain-discovery.ts'

/** What the log says of a provider that answers so. */
async function explained(answer: RequestListener): Promise<{ readonly issuer: string; readonly why: string }> {
  const server = createServer(answer).listen(0, '127.0.0.1')
  await once(server, 'listening')
  // A server that listens on TCP has an AddressInfo.
  const issuer = `http://127.0.0.1:${(server.address() as AddressInfo).port}/realms/pop`
  const found = discovery(new URL(issuer), 'pop-gateway', {}, undefined, { execute: [allowInsecureRequests] })
  const why = await found.then(
    () => assert.fail('the discovery went well'),
    (error: unknown) => String(explainDiscovery(error, issuer)),
  )
  server.close()
  server.closeAllConnections()
  return { issuer, why }
}

test('explainDiscovery() says that there is no such realm, and what makes one', async () => {
  const { issuer, why } = await explained((_request, response) => response.writeHead(404).end('{}'))
  assert.equal(
    why,
    `Error: There is no realm at ${issuer}: run \`pop realm apply\`, or set identity.issuer to one that is there.`,
  )
})

test('explainDiscovery() says how the provider spells its issuer', async () => {
  const { issuer, why } = await explained((_request, response) =>
    response.writeHead(200, { 'content-type': 'application/json' }).end('{"issuer":"https://other.example\\n"}'),
  )
  assert.match(why, /calls itself "https:\/\/other\.example\\n", and identity\.issuer says /)
  assert.ok(why.includes(issuer))
})

test('explainDiscovery() leaves every other failure as it is', async () => {
  const { why } = await explained((_request, response) => response.writeHead(503).end())
  assert.match(why, /^ClientError: unexpected HTTP response status code/)
  const other = new TypeError('fetch failed')
  assert.equal(explainDiscovery(other, 'https://id.example/realms/pop'), other)
})
