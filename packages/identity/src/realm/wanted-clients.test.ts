import assert from 'node:assert/strict'
import { test } from 'node:test'
import { exampleRequest } from '../testing/realm-request.ts'
import type { RealmRequest, ServiceClient } from './realm-request.ts'
import { controlRoles, wantedClients, wantedModuleClient, wantedScopes, type WantedClient } from './wanted-clients.ts'

function clientsOf(change: Partial<RealmRequest> = {}): ReadonlyMap<string, WantedClient> {
  return new Map(wantedClients(exampleRequest(change)).map((client) => [client.clientId, client]))
}

function fieldsOf(clientId: string, change: Partial<RealmRequest> = {}): WantedClient['fields'] {
  const client = clientsOf(change).get(clientId)
  assert.ok(client !== undefined, clientId)
  return client.fields
}

const attributeOf = (fields: WantedClient['fields'], name: string): unknown =>
  Reflect.get(Object(fields['attributes']), name)

test('wantedClients() has these and no others, each with only what it is for', () => {
  const doors = ['standardFlowEnabled', 'directAccessGrantsEnabled', 'serviceAccountsEnabled', 'implicitFlowEnabled']
  const open = [...clientsOf()].map(([clientId, { fields }]) => [
    clientId,
    fields['publicClient'] === true ? 'public' : 'confidential',
    ...doors.filter((name) => fields[name] === true),
  ])
  assert.deepEqual(open, [
    ['pop-gateway', 'confidential', 'directAccessGrantsEnabled'],
    ['pop-cli', 'public', 'standardFlowEnabled'],
    ['pop-console', 'public', 'standardFlowEnabled'],
    ['pop-control', 'confidential', 'serviceAccountsEnabled'],
    ['pop-api', 'confidential'],
    ['reporter', 'confidential', 'serviceAccountsEnabled'],
    ['exchanger', 'confidential', 'serviceAccountsEnabled'],
  ])
})

test('wantedClients() marks every client, and lets none carry a role by default', () => {
  for (const [clientId, { fields }] of clientsOf()) {
    assert.equal(fields['fullScopeAllowed'], false, clientId)
    assert.equal(attributeOf(fields, 'pop.managed'), 'true', clientId)
    assert.deepEqual(fields['webOrigins'], [], clientId)
  }
})

test('wantedClients(): a public client must prove its own request, and comes back only to where it may', () => {
  for (const clientId of ['pop-cli', 'pop-console']) {
    const fields = fieldsOf(clientId)
    assert.equal(attributeOf(fields, 'pkce.code.challenge.method'), 'S256')
    assert.equal(fields['secret'], undefined)
  }
  assert.deepEqual(fieldsOf('pop-cli')['redirectUris'], ['http://127.0.0.1/callback'])
  assert.deepEqual(fieldsOf('pop-console')['redirectUris'], ['https://gateway.example/console/callback'])
})

test('wantedClients(): passwords only where the settings let the gateway take them', () => {
  assert.equal(fieldsOf('pop-gateway')['directAccessGrantsEnabled'], true)
  assert.equal(fieldsOf('pop-gateway', { passwordGrant: false })['directAccessGrantsEnabled'], false)
})

test('wantedClients(): whoever signs in is asked for the second factor by default where everybody has one', () => {
  const { security } = exampleRequest()
  for (const clientId of ['pop-gateway', 'pop-cli', 'pop-console']) {
    const needs = (requireSecondFactor: boolean): unknown =>
      attributeOf(fieldsOf(clientId, { security: { ...security, requireSecondFactor } }), 'default.acr.values')
    assert.deepEqual([needs(true), needs(false)], ['pop-mfa', undefined])
  }
})

test('wantedClients(): control may manage users, and its tokens have none of our claims', () => {
  const control = clientsOf().get('pop-control')
  assert.deepEqual([control?.carries, control?.holds], [controlRoles, controlRoles])
  assert.deepEqual(control?.fields['defaultClientScopes'], ['basic', 'roles'])
  for (const role of ['realm-admin', 'manage-realm', 'manage-clients', 'impersonation'])
    assert.ok(!controlRoles.includes(role))
})

test('wantedClients(): the client that a token is for has the secret of the gateway, which asks as that one', () => {
  const { gatewayClient } = exampleRequest()
  const client = clientsOf({ audience: 'another-api' }).get('another-api')
  assert.equal(client?.fields['secret'], gatewayClient.secret)
  assert.equal(client?.carries, 'nothing')
})

function serviceFields(change: Partial<ServiceClient>): WantedClient['fields'] {
  const service: ServiceClient = {
    clientId: 'program',
    authentication: 'secret',
    secret: 's',
    roles: ['reader'],
    exchangesTokens: false,
    ...change,
  }
  return fieldsOf('program', { services: [service] })
}

test('wantedClients(): a service proves itself by its secret or by its key', () => {
  const bySecret = serviceFields({})
  assert.deepEqual([bySecret['clientAuthenticatorType'], bySecret['secret']], ['client-secret', 's'])
  const { secret: _none, ...rest } = { secret: undefined, authentication: 'private_key_jwt', jwks: '{}' } as const
  const byKey = serviceFields(rest)
  assert.equal(byKey['clientAuthenticatorType'], 'client-jwt')
  assert.deepEqual([attributeOf(byKey, 'use.jwks.string'), attributeOf(byKey, 'jwks.string')], ['true', '{}'])
})

test('wantedClients(): tokens of a service are bound to what the settings say, and said to be unbound otherwise', () => {
  const bindings = (change: Partial<ServiceClient>): readonly unknown[] =>
    ['dpop.bound.access.tokens', 'tls.client.certificate.bound.access.tokens'].map((name) =>
      attributeOf(serviceFields(change), name),
    )
  assert.deepEqual(bindings({}), ['false', 'false'])
  assert.deepEqual(bindings({ bound: 'dpop' }), ['true', 'false'])
  assert.deepEqual(bindings({ bound: 'certificate' }), ['false', 'true'])
})

test('wantedClients(): a service carries its own roles, and those of users only where it exchanges their tokens', () => {
  const clients = clientsOf()
  assert.deepEqual([clients.get('reporter')?.carries, clients.get('reporter')?.holds], [['reader'], ['reader']])
  assert.deepEqual([clients.get('exchanger')?.carries, clients.get('exchanger')?.holds], ['everything', ['user']])
})

test('wantedModuleClient() opens no door', () => {
  const { fields, carries, holds } = wantedModuleClient('kafka_service')
  assert.equal(fields['bearerOnly'], true)
  assert.deepEqual([fields['standardFlowEnabled'], fields['serviceAccountsEnabled']], [false, false])
  assert.deepEqual([carries, holds], ['nothing', []])
})

test('wantedScopes() has our claims, and for each service that exchanges tokens a scope that the sign-in clients may ask for', () => {
  const scopes = wantedScopes(exampleRequest())
  assert.deepEqual(
    scopes.map(({ name, mappers }) => [name, mappers.map((mapper) => mapper.name)]),
    [
      ['pop', ['audience', 'roles', 'permissions of kafka_service', 'permissions of s3_service', 'methods', 'name']],
      ['for-exchanger', ['audience']],
    ],
  )
  for (const clientId of ['pop-gateway', 'pop-cli', 'pop-console'])
    assert.deepEqual(fieldsOf(clientId)['optionalClientScopes'], ['for-exchanger'])
  for (const clientId of ['reporter', 'exchanger', 'pop-control', 'pop-api'])
    assert.deepEqual(fieldsOf(clientId)['optionalClientScopes'], [])
})
