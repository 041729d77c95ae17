import assert from 'node:assert/strict'
import { once } from 'node:events'
import { readdir, readFile, stat, writeFile } from 'node:fs/promises'
import { createServer, type AddressInfo } from 'node:net'
import { join } from 'node:path'
import { test } from 'node:test'
import { developmentSettings } from '@pop-api/settings'
import { aroundPop } from '../commands/try-pop.ts'
import { readDevUsers } from '../dev/dev-users-file.ts'
import { controlBoot, memberBoot } from './boot-documents.ts'
import { childEnvironment } from './child-environment.ts'
import { findSettings } from './find-settings.ts'
import { choosePorts } from './ports.ts'
import { ensureSecret, gatewaySecretPath, writeRealmFacts } from '../realm/realm-files.ts'
import { prepare } from './prepare.ts'
import { makeTemporaryFolder } from './temporary-folder.ts'

const control = { control: 'https://127.0.0.1:7443', admin: 'https://127.0.0.1:7445', rootSpkiSha256: 'ab'.repeat(32) }
const keycloak = '\nidentity:\n  provider: keycloak\n'

async function prepared(home: string, text: string) {
  const config = join(home, 'settings.yaml')
  await writeFile(config, text)
  return await prepare(home, await findSettings(config, home), process.env)
}

test('prepare() makes users and the secret of the gateway, and the documents that carry them', async () => {
  await using folder = await makeTemporaryFolder()
  const made = await prepared(folder.path, developmentSettings)
  const path = join(folder.path, 'gateway/oidc-client-secret')
  assert.equal(await readFile(path, 'utf8'), made.clientSecret)
  assert.equal((await stat(path)).mode & 0o777, 0o600)
  const reporter = (await readDevUsers(folder.path))?.clients.find(({ client_id }) => client_id === 'reporter')
  assert.deepEqual(made.section.identity.service_clients, { reporter: reporter?.subject })
  assert.deepEqual(made.section.identity.client_secret, { file: path })
  const ports = choosePorts(undefined)
  const boot = controlBoot(made, ports, undefined)
  assert.equal(boot['environment'], 'development')
  assert.equal(boot['approve_automatically'], true)
  assert.ok(!JSON.stringify(boot).includes(String(made.clientSecret)))
  const identity = memberBoot('identity', made, ports, control, 'token')
  assert.deepEqual(identity['gateway'], { client_id: 'pop-gateway', client_secret: made.clientSecret })
  assert.deepEqual(identity['listen'], { identity: { host: '127.0.0.1', port: 8444 } })
  for (const member of ['gateway', 'kafka_service'] as const) {
    const text = JSON.stringify(memberBoot(member, made, ports, control, 'token'))
    assert.ok(!text.includes(String(made.clientSecret)) && !text.includes('users_file'), member)
  }
})

test('pop up that is refused for its ports has made no users', async () => {
  await using around = await aroundPop()
  await using other = createServer().listen({ host: '127.0.0.1', port: 0 })
  await once(other, 'listening')
  const { port } = other.address() as AddressInfo // listens on TCP
  const { code, stderr } = await around.pop(['up', '--port-base', String(port)])
  assert.equal(code, 2)
  assert.match(stderr, new RegExp(`${port} \\(gateway\\): in use`))
  assert.deepEqual(await readdir(join(around.folder, 'home')), ['lock.db'])
})

test('controlBoot() keeps automatic approval to development, and an environment to letters and digits', async () => {
  await using folder = await makeTemporaryFolder()
  const text = developmentSettings.replaceAll(/^( *)(environment: )?development\b/gm, '$1$2pre_prod_2')
  const boot = controlBoot(await prepared(folder.path, text), choosePorts(0), 'https://issuer')
  assert.equal(boot['environment'], 'preprod2')
  assert.equal(boot['approve_automatically'], false)
  assert.match(JSON.stringify(boot['settings']), /"issuer":"https:\/\/issuer"/)
})

test('prepare() makes nothing for a provider of its own, and needs its issuer and a secret', async () => {
  await using folder = await makeTemporaryFolder()
  const text = developmentSettings + keycloak
  await assert.rejects(prepared(folder.path, text), /identity\.issuer/)
  const named = `${text}  issuer: https://id.example/realms/pop\n`
  await assert.rejects(prepared(folder.path, named), /no secret at the identity provider yet\. Run pop realm apply/)
  const made = await prepared(folder.path, `${named}  client_secret: { env: POP_OIDC_SECRET }\n`)
  assert.equal(made.clientSecret, undefined)
  assert.equal(made.section.identity.issuer, 'https://id.example/realms/pop')
  assert.equal(made.section.identity.introspection_client, undefined)
  assert.equal(await readDevUsers(folder.path), undefined)
})

test('prepare() takes what pop realm apply has left in the home, and refuses what it left for another realm', async () => {
  await using folder = await makeTemporaryFolder()
  const text = `${developmentSettings}${keycloak}  issuer: https://id.example/realms/pop\n`
  await ensureSecret(gatewaySecretPath(folder.path))
  await writeRealmFacts(
    folder.path,
    { issuer: 'https://id.example/realms/pop', serviceClients: { reporter: 'r-1' } },
    undefined,
  )
  const { section } = await prepared(folder.path, text)
  assert.deepEqual(section.identity.client_secret, { file: gatewaySecretPath(folder.path) })
  assert.deepEqual(section.identity.service_clients, { reporter: 'r-1' })
  assert.equal(section.identity.introspection_client, 'pop-api')
  const other = await prepared(folder.path, `${text}  introspection_client: asker\n`)
  assert.equal(other.section.identity.introspection_client, 'asker')
  await writeRealmFacts(folder.path, { issuer: 'https://id.example/realms/other', serviceClients: {} }, undefined)
  await assert.rejects(prepared(folder.path, text), /this home was set up for https:\/\/id\.example\/realms\/other/)
})

test('childEnvironment() passes on plain names and what a child is entitled to, and nothing else', () => {
  const own = { PATH: '/bin', AWS_SECRET_ACCESS_KEY: 'a', OIDC_SECRET: 'b', POP_HOME: '/c' }
  assert.deepEqual(childEnvironment(own, []), { PATH: '/bin' })
  assert.deepEqual(childEnvironment(own, ['OIDC_SECRET', 'MISSING'], { POP_BOOT: '/boot' }), {
    PATH: '/bin',
    OIDC_SECRET: 'b',
    POP_BOOT: '/boot',
  })
})
