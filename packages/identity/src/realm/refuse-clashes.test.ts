import assert from 'node:assert/strict'
import { test } from 'node:test'
import { RealmError } from './connect-admin.ts'
import type { RealmRequest, ServiceClient } from './realm-request.ts'
import { refuseClashes } from './refuse-clashes.ts'

const request: RealmRequest = {
  realm: 'pop',
  gateway: 'https://gateway.example',
  audience: 'pop-api',
  security: {
    tokenSeconds: 3600,
    failuresMax: 5,
    lockoutSeconds: 300,
    passwordLengthMin: 12,
    requireSecondFactor: true,
  },
  requireTls: true,
  passwordGrant: false,
  roles: ['admin'],
  modulePermissions: { kafka_service: ['kafka.read'] },
  gatewayClient: { clientId: 'pop-gateway', secret: 's' },
  controlSecret: 's',
  services: [],
  users: [],
}

function service(clientId: string): ServiceClient {
  return { clientId, authentication: 'secret', secret: 's', roles: [], exchangesTokens: false }
}

test('refuseClashes() takes names of their own', () => {
  refuseClashes({ ...request, services: [service('reporter'), service('accounting')] })
})

const clashes: readonly (readonly [string, Partial<RealmRequest>, RegExp])[] = [
  ['a module named as a client of Keycloak', { modulePermissions: { account: ['a.read'] } }, /account is one of/],
  ['a service named as Keycloak’s administration', { services: [service('realm-management')] }, /realm-management/],
  ['an audience named as a client of Keycloak', { audience: 'broker' }, /broker is one of/],
  ['a service named as a module', { services: [service('kafka_service')] }, /kafka_service is there twice/],
  ['a service named as control', { services: [service('pop-control')] }, /pop-control is there twice/],
  ['a service named as the gateway', { services: [service('pop-gateway')] }, /pop-gateway is there twice/],
  [
    'a gateway named as the command line',
    { gatewayClient: { clientId: 'pop-cli', secret: 's' } },
    /pop-cli is there twice/,
  ],
  ['an audience named as the gateway', { audience: 'pop-gateway' }, /pop-gateway is there twice/],
]
for (const [name, change, detail] of clashes) {
  test(`refuseClashes() refuses ${name}`, () => {
    assert.throws(
      () => refuseClashes({ ...request, ...change }),
      (error) => error instanceof RealmError && detail.test(error.message),
    )
  })
}
