import assert from 'node:assert/strict'
import { readFile, stat, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { test } from 'node:test'
import { developmentSettings, loadSettings, type Settings } from '@pop-api/settings'
import { CommandFailure, exitCodes } from '../command-failure.ts'
import { makeTemporaryFolder } from '../up/temporary-folder.ts'
import { placeOf, realmRequest } from './realm-request.ts'

const issuer = 'https://id.example/realms/pop'

function settingsOf(more: string, place = issuer): Settings {
  const loaded = loadSettings(`${developmentSettings}\nidentity: { provider: keycloak, issuer: "${place}" }\n${more}`)
  assert.ok(loaded.ok, JSON.stringify(loaded))
  return loaded.settings
}

const isUsage = (pattern: RegExp) => (error: unknown) =>
  error instanceof CommandFailure && error.exitCode === exitCodes.usage && pattern.test(error.message)

test('placeOf() takes the issuer of a realm apart, also below a path', () => {
  assert.deepEqual(placeOf(settingsOf('')), { issuer, server: 'https://id.example', realm: 'pop' })
  const below = placeOf(settingsOf('', 'https://id.example:8443/auth/realms/pop-1'))
  assert.deepEqual([below.server, below.realm], ['https://id.example:8443/auth', 'pop-1'])
})

test('placeOf() refuses settings without a realm, and the realm of administrators', () => {
  const { identity, ...rest } = settingsOf('')
  const { issuer: _none, ...without } = identity
  assert.throws(
    () => placeOf({ ...rest, identity: without }),
    isUsage(/the settings name no realm: set identity\.issuer/),
  )
  const ofMaster = { ...rest, identity: { ...identity, issuer: 'https://id.example/realms/master' } }
  assert.throws(() => placeOf(ofMaster), isUsage(/the realm master is for administrators/))
})

test('placeOf() says what to set where the settings name no issuer', () => {
  const { identity, ...rest } = settingsOf('')
  const { issuer: _none, ...embedded } = identity
  assert.throws(() => placeOf({ ...rest, identity: embedded }), isUsage(/set identity\.issuer, such as https:/))
})

test('realmRequest() makes each secret once, in a file for its owner alone, and sends what the settings say of services', async () => {
  await using folder = await makeTemporaryFolder()
  const home = join(folder.path, 'home')
  const jwks = join(folder.path, 'signer.jwks')
  await writeFile(jwks, '{"keys":[]}')
  const settings = settingsOf(`realm:
  gateway: https://gateway.example/
  services:
    reporter: { roles: [reader] }
    prover: { roles: [reader], bound: dpop }
    shower: { roles: [reader], bound: certificate, token_exchange: true }
    signer: { jwks: ${jwks} }
`)
  const ask = () => realmRequest({ home, settings, environment: {}, bringsUsers: false })
  const request = await ask()
  assert.deepEqual(await ask(), request)
  const secretOf = (path: string): Promise<string> => readFile(join(home, path), 'utf8')
  assert.deepEqual(request['gateway_client'], {
    client_id: 'pop-gateway',
    secret: await secretOf('gateway/oidc-client-secret'),
  })
  assert.equal(request['control_secret'], await secretOf('control/keycloak-client-secret'))
  const service = async (id: string) => ({
    client_id: id,
    roles: ['reader'],
    secret: await secretOf(`realm/${id}.secret`),
  })
  assert.deepEqual(request['services'], [
    { ...(await service('reporter')), token_exchange: false },
    { ...(await service('prover')), token_exchange: false, bound: 'dpop' },
    { ...(await service('shower')), token_exchange: true, bound: 'certificate' },
    { client_id: 'signer', roles: [], token_exchange: false, jwks: '{"keys":[]}' },
  ])
  assert.equal((await stat(join(home, 'realm/prover.secret'))).mode & 0o777, 0o600)
  assert.deepEqual([request['gateway'], request['users']], ['https://gateway.example', []])
})

test('realmRequest() takes the gateway’s secret from where the settings say, and says where there is none', async () => {
  await using folder = await makeTemporaryFolder()
  const secret = (reference: string, environment: NodeJS.ProcessEnv) => {
    const { identity, ...rest } = settingsOf('')
    const settings = { ...rest, identity: { ...identity, client_secret: JSON.parse(reference) } }
    return realmRequest({ home: join(folder.path, 'home'), settings, environment, bringsUsers: false })
  }
  const { gateway_client: client } = await secret('{"env":"POP_SECRET"}', { POP_SECRET: 'of-the-environment' })
  assert.deepEqual(client, { client_id: 'pop-gateway', secret: 'of-the-environment' })
  await assert.rejects(secret('{"env":"POP_SECRET"}', {}), isUsage(/says POP_SECRET, and the environment has none/))
  const missing = join(folder.path, 'none')
  await assert.rejects(secret(JSON.stringify({ file: missing }), {}), isUsage(/none, and there is no such file/))
})

test('realmRequest() names the file that cannot be read', async () => {
  await using folder = await makeTemporaryFolder()
  const options = { home: join(folder.path, 'home'), environment: {}, bringsUsers: false }
  const settings = settingsOf('realm: { services: { signer: { jwks: /nowhere/keys.jwks } } }\n')
  await assert.rejects(
    realmRequest({ ...options, settings }),
    isUsage(/public keys of signer cannot be read from \/nowhere/),
  )
})

test('realmRequest() brings users and programs of development with those of their roles that the settings name', async () => {
  await using folder = await makeTemporaryFolder()
  const settings = settingsOf('')
  const { reader: _gone, ...roles } = settings.roles
  const home = join(folder.path, 'home')
  const ask = (present: typeof settings) =>
    realmRequest({ home, settings: present, environment: process.env, bringsUsers: true })
  const rolesOf = ({ users, services }: Awaited<ReturnType<typeof ask>>) => JSON.stringify([users, services])
  assert.match(rolesOf(await ask(settings)), /"reader"/)
  const without = rolesOf(await ask({ ...settings, roles }))
  assert.doesNotMatch(without, /"reader"/)
  assert.match(without, /"admin"/)
})
