import assert from 'node:assert/strict'
import { once } from 'node:events'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { test } from 'node:test'
import { RealmError } from './connect-admin.ts'
import { refuseOtherIssuer } from './refuse-other-issuer.ts'

/** A Keycloak that has the realm of administrators and these, and calls itself so; without a name, as it is asked. */
async function keycloak(realms: readonly string[], name?: string) {
  const server = createServer((request, response) => {
    const [, realm = ''] = /^\/realms\/([^/]+)\/\.well-known\/openid-configuration$/.exec(request.url ?? '') ?? []
    response.statusCode = ['master', ...realms].includes(realm) ? 200 : 404
    response.end(JSON.stringify({ issuer: `${name ?? origin}/realms/${realm}` }))
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo // listens on TCP
  const origin = `http://127.0.0.1:${port}`
  const credentials = { kind: 'person', username: 'admin', password: 'x' } as const
  const refuse = (realm: string, at = origin) => refuseOtherIssuer({ server: at, realm: 'master', credentials }, realm)
  return { origin, refuse, [Symbol.dispose]: () => void server.close() }
}

const isRefusal = (message: RegExp) => (error: unknown) => error instanceof RealmError && message.test(error.message)

test('refuseOtherIssuer() takes a realm that calls itself as the settings do, and one that would', async () => {
  using server = await keycloak(['pop'])
  await server.refuse('pop')
  await server.refuse('not-there-yet')
})

test('refuseOtherIssuer() refuses a realm that calls itself otherwise, and one that would', async () => {
  using server = await keycloak(['pop'], 'https://id.example')
  for (const realm of ['pop', 'not-there-yet']) {
    const names = `identity.issuer ${server.origin}/realms/${realm}, and Keycloak says https://id.example/realms/${realm}: `
    await assert.rejects(server.refuse(realm), isRefusal(new RegExp(RegExp.escape(names))))
  }
})

test('refuseOtherIssuer() refuses a server that has no such pages, and says who does not answer', async () => {
  using server = await keycloak([])
  await assert.rejects(
    server.refuse('pop', `${server.origin}/auth`),
    isRefusal(/is it Keycloak, and its path right\?$/),
  )
  await assert.rejects(server.refuse('pop', 'http://127.0.0.1:1'), isRefusal(/could not be reached to read how http/))
})
