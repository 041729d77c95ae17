import assert from 'node:assert/strict'
import { test } from 'node:test'
import { isJsonObject, type JsonObject } from '@pop-api/protocol'
import { exampleRequest, secretMark } from '../testing/realm-request.ts'
import { exportRealm } from './export-realm.ts'
import { wantedClients } from './wanted-clients.ts'

function exported(): JsonObject {
  const value: unknown = JSON.parse(JSON.stringify(exportRealm(exampleRequest())))
  assert.ok(isJsonObject(value))
  return value
}

function listOf(value: unknown): readonly JsonObject[] {
  assert.ok(Array.isArray(value))
  return value.filter(isJsonObject)
}

const namesOf = (value: unknown, name: string): readonly unknown[] => listOf(value).map((item) => item[name])

test('exportRealm() has no secret in it, and nobody but the accounts of services', () => {
  const realm = exported()
  const text = JSON.stringify(realm)
  assert.ok(!text.includes(secretMark))
  for (const word of ['"secret"', '"credentials"', '"password"']) assert.ok(!text.includes(word), word)
  assert.deepEqual(namesOf(realm['users'], 'username'), [
    'service-account-pop-control',
    'service-account-reporter',
    'service-account-exchanger',
  ])
})

test('exportRealm() has every client that pop realm apply would make, as it would make it', () => {
  const clients = new Map(listOf(exported()['clients']).map((client) => [client['clientId'], client]))
  const wanted = wantedClients(exampleRequest())
  assert.equal(clients.size, wanted.length + 2)
  for (const { clientId, fields } of wanted) {
    const { secret: _kept, ...shown } = fields
    assert.deepEqual(clients.get(clientId), { clientId, ...shown }, clientId)
  }
})

test('exportRealm() names every scope that its clients use', () => {
  const realm = exported()
  const scopes = new Set(namesOf(realm['clientScopes'], 'name'))
  for (const client of listOf(realm['clients'])) {
    const used = [client['defaultClientScopes'], client['optionalClientScopes']].flat()
    for (const name of used) assert.ok(scopes.has(name), `${String(client['clientId'])} uses ${String(name)}`)
  }
})

test('exportRealm() names every flow and every setting that its steps use, each once', () => {
  const realm = exported()
  const flows = namesOf(realm['authenticationFlows'], 'alias')
  const configurations = namesOf(realm['authenticatorConfig'], 'alias')
  assert.equal(new Set(flows).size, flows.length)
  assert.equal(new Set(configurations).size, configurations.length)
  const steps = listOf(realm['authenticationFlows']).flatMap((flow) => listOf(flow['authenticationExecutions']))
  for (const { flowAlias, authenticatorConfig } of steps) {
    if (flowAlias !== undefined) assert.ok(flows.includes(flowAlias), JSON.stringify(flowAlias))
    if (authenticatorConfig !== undefined) assert.ok(configurations.includes(authenticatorConfig))
  }
  for (const slot of ['browserFlow', 'directGrantFlow']) assert.ok(flows.includes(realm[slot]), slot)
})

test('exportRealm() gives roles to the tokens of those that carry them, and control its own alone', () => {
  const realm = exported()
  assert.deepEqual(realm['scopeMappings'], [
    ...['pop-gateway', 'pop-cli', 'pop-console', 'exchanger'].map((client) => ({
      client,
      roles: ['admin', 'user', 'reader'],
    })),
    { client: 'reporter', roles: ['reader'] },
  ])
  const { 'realm-management': administration } = Object(realm['clientScopeMappings'])
  assert.deepEqual(administration, [
    { client: 'pop-control', roles: ['manage-users', 'view-clients', 'view-realm', 'view-users'] },
  ])
})

test('exportRealm() refuses names that would make one client of two, as plan and apply do', () => {
  assert.throws(() => exportRealm(exampleRequest({ audience: 'pop-gateway' })), /pop-gateway is there twice/)
})
