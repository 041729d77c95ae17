import assert from 'node:assert/strict'
import { copyFile, mkdir, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { test } from 'node:test'
import { developmentSettings } from '@pop-api/settings'
import { answerJson, standInGateway, type StandIn } from '../commands/stand-in-gateway.ts'
import { aroundPop } from '../commands/try-pop.ts'
import { lockHome } from '../up/home.ts'
import { writeRunFile } from '../up/run-file.ts'
import { examine } from './patient.ts'
import { checkProvider } from './provider.ts'
import { standInRun } from './stand-in-patient.ts'
import { checkTls } from './tls.ts'

/** A run on a home whose provider is a Keycloak with a CA of its own, and which realms it has. */
async function ownProvider(realms: readonly string[] = ['pop']) {
  const stack = new AsyncDisposableStack()
  const around = stack.use(await aroundPop())
  const server: { at?: StandIn } = {}
  const keycloak = stack.use(
    await standInGateway(around.folder, ({ url }, response) => {
      const issuer = `${server.at?.origin}${url.replace('/.well-known/openid-configuration', '')}`
      if (url.endsWith('/certs')) answerJson(response, 200, { keys: [{ kid: 'k' }] })
      else if (realms.some((realm) => url === `/realms/${realm}/.well-known/openid-configuration`))
        answerJson(response, 200, { issuer, jwks_uri: `${issuer}/certs` })
      else answerJson(response, 404, { error: 'Realm does not exist' })
    }),
  )
  server.at = keycloak
  const home = stack.use(await lockHome(join(around.folder, 'home'))).path
  const issuer = `${keycloak.origin}/realms/pop`
  await writeRunFile(home, standInRun({}, { gateway: keycloak.origin, issuer }))
  const config = join(around.folder, 'pop.yaml')
  const writeSettings = (ca: string | undefined, more = '') =>
    writeFile(
      config,
      `${developmentSettings}identity: { provider: keycloak, issuer: "${issuer}${more}"${ca === undefined ? '' : `, ca: ${ca}`} }\n`,
    )
  /** What is said of the provider: its listener, and itself. */
  const found = async () => {
    const patient = await examine(home, config)
    const ofTls = (await checkTls(patient)).filter(({ message }) => message.startsWith('identity '))
    const ofProvider = await checkProvider(patient).catch((error: unknown) => ({
      state: 'fail',
      message: String(error),
    }))
    return [...ofTls, ofProvider].map(({ state, message }) => `${state} ${message}`).join('\n')
  }
  return { keycloak, home, config, issuer, writeSettings, found, [Symbol.asyncDispose]: () => stack.disposeAsync() }
}

// The stand-in takes TLS 1.2 as Keycloak does unless told, so its listener is warned of.
const healthy = /^warn identity https:\/\/localhost:\d+: it takes TLS 1\.2 too\nok https:.+ has one key$/

test('pop doctor trusts identity.ca of the settings of the run, and nothing beside it', async () => {
  await using world = await ownProvider()
  await world.writeSettings(world.keycloak.ca)
  assert.match(await world.found(), healthy)
  await world.writeSettings(undefined)
  assert.match(await world.found(), /^fail identity .+ does not verify \(DEPTH_ZERO_SELF_SIGNED_CERT\)\n/)
})

test('pop doctor trusts what pop realm apply kept where the run was started with other settings', async () => {
  await using world = await ownProvider()
  await world.writeSettings(undefined, '-other')
  assert.match(await world.found(), /^fail identity .+ does not verify/)
  await mkdir(join(world.home, 'realm'), { mode: 0o700 })
  await copyFile(world.keycloak.ca, join(world.home, 'realm', 'ca.pem'))
  assert.match(await world.found(), healthy)
  await rm(world.config)
  await writeFile(world.config, developmentSettings)
  assert.match(await world.found(), healthy)
})

test('pop doctor tells of a CA of the provider that is not there or is none', async () => {
  await using world = await ownProvider()
  await world.writeSettings('/nowhere/ca.pem')
  const absent = await world.found()
  assert.match(absent, /^skip identity .+ is not known\nfail .+there is no file \/nowhere\/ca\.pem: give the file/)
  await world.writeSettings(world.config)
  assert.match(await world.found(), /\nfail .+pop\.yaml holds no PEM certificate: give the file .+ in identity\.ca$/)
})

test('pop doctor says that a realm is not there yet', async () => {
  await using world = await ownProvider(['master'])
  await world.writeSettings(world.keycloak.ca)
  assert.match(await world.found(), /\nfail there is no realm pop at https:\/\/localhost:\d+$/)
  const { remedy } = await checkProvider(await examine(world.home, world.config))
  assert.match(remedy ?? '', /^Run `pop realm apply`; /)
})
