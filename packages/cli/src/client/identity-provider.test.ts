import assert from 'node:assert/strict'
import { mkdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { test } from 'node:test'
import { answerJson, standInGateway, type StandIn } from '../commands/stand-in-gateway.ts'
import { aroundPop } from '../commands/try-pop.ts'
import { findIdentityProvider } from './identity-provider.ts'

const discovery = '/realms/pop/.well-known/openid-configuration'

/** A gateway and its provider in one server, whose two documents a test changes. */
async function standIn(folder: string, resource: object = {}, document: object = {}) {
  const server: { at?: StandIn } = {}
  const started = await standInGateway(folder, ({ url }, response) => {
    const issuer = `${server.at?.origin}/realms/pop`
    if (url === '/.well-known/oauth-protected-resource') {
      answerJson(response, 200, { authorization_servers: [issuer], ...resource })
    } else if (url === discovery) {
      const endpoint = `${issuer}/auth`
      const good = { issuer, authorization_endpoint: endpoint, code_challenge_methods_supported: ['S256'] }
      answerJson(response, 200, { ...good, ...document })
    } else answerJson(response, 404, { error: 'not_found' })
  })
  server.at = started
  const { origin, ca } = started
  return { started, gateway: { origin, roots: [await readFile(ca, 'utf8')], rootsFrom: ca, issuerRoots: [] } }
}

test('findIdentityProvider() goes from the gateway to the provider that it names', async () => {
  await using around = await aroundPop()
  const { started, gateway } = await standIn(
    around.folder,
    {},
    { authorization_response_iss_parameter_supported: true },
  )
  await using _server = started
  const { issuer, authorizationEndpoint, namesItself } = await findIdentityProvider(gateway)
  assert.equal(issuer, `${gateway.origin}/realms/pop`)
  assert.equal(authorizationEndpoint.href, `${issuer}/auth`)
  assert.equal(namesItself, true)
  assert.deepEqual(
    started.seen.map(({ url }) => url),
    ['/.well-known/oauth-protected-resource', discovery],
  )
})

const refused: readonly (readonly [string, object, object, RegExp])[] = [
  ['names no provider', { authorization_servers: [] }, {}, /expected authorization_servers with an https address/],
  ['names a provider without TLS', { authorization_servers: ['http://id.example'] }, {}, /an https address/],
  ['names a provider with a user in it', { authorization_servers: ['https://a@id.example'] }, {}, /an https address/],
  [
    'leads to another issuer',
    {},
    { issuer: 'https://evil.example' },
    /expected the issuer https:.+ found "https:\/\/evil/,
  ],
  ['leads to a provider without PKCE', {}, { code_challenge_methods_supported: ['plain'] }, /expected PKCE with S256/],
  ['leads to pages without TLS', {}, { authorization_endpoint: 'http://id.example/auth' }, /an https address/],
]
for (const [what, resource, document, message] of refused) {
  test(`findIdentityProvider() refuses a gateway that ${what}`, async () => {
    await using around = await aroundPop()
    const { started, gateway } = await standIn(around.folder, resource, document)
    await using _server = started
    await assert.rejects(findIdentityProvider(gateway), { exitCode: 1, message })
  })
}

test('findIdentityProvider() says who does not answer', async () => {
  await using around = await aroundPop()
  const { started, gateway } = await standIn(around.folder, {
    authorization_servers: ['https://localhost:1/realms/pop'],
  })
  await using _server = started
  await assert.rejects(findIdentityProvider(gateway), {
    exitCode: 3,
    message: /^nobody answers as the identity provider at https:\/\/localhost:1: /,
  })
})

test('findIdentityProvider() trusts the CA of the home’s own provider for the provider alone', async () => {
  await using around = await aroundPop()
  const folders = { gateway: join(around.folder, 'gateway'), provider: join(around.folder, 'provider') }
  for (const folder of Object.values(folders)) await mkdir(folder)
  const provider = await standIn(folders.provider)
  await using _provider = provider.started
  const issuer = `${provider.gateway.origin}/realms/pop`
  const { started, gateway } = await standIn(folders.gateway, { authorization_servers: [issuer] })
  await using _gateway = started
  await assert.rejects(findIdentityProvider(gateway), { exitCode: 3, message: /does not come from/ })
  const found = await findIdentityProvider({ ...gateway, issuerRoots: provider.gateway.roots })
  assert.equal(found.issuer, issuer)
  const swapped = { ...gateway, roots: provider.gateway.roots, issuerRoots: gateway.roots }
  await assert.rejects(findIdentityProvider(swapped), { exitCode: 3, message: /^nobody answers as the gateway/ })
})
