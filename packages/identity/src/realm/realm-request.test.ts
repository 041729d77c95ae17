import assert from 'node:assert/strict'
import { test } from 'node:test'
import { parseRealmRequest } from './realm-request.ts'

const service = { client_id: 'reporter', roles: ['reader'], token_exchange: false, secret: 's' }
const user = { id: 'u-1', username: 'alice', password: 'p', roles: ['admin'] }
const security = {
  token_expiration: 3600,
  max_failed_attempts: 5,
  lockout_duration: 300,
  minimum_password_length: 12,
  require_2fa: true,
}
/** As the command sends it. */
const sent = {
  realm: 'pop',
  gateway: 'https://gateway.example',
  audience: 'pop-api',
  security,
  require_tls: true,
  password_grant: false,
  roles: ['admin', 'reader'],
  module_permissions: { kafka_service: ['kafka.create'] },
  gateway_client: { client_id: 'pop-gateway', secret: 's1' },
  control_secret: 's2',
  services: [service],
  users: [user],
}

test('parseRealmRequest() reads what the command sends', () => {
  const read = parseRealmRequest(JSON.parse(JSON.stringify(sent)))
  assert.deepEqual(read.security, {
    tokenSeconds: 3600,
    failuresMax: 5,
    lockoutSeconds: 300,
    passwordLengthMin: 12,
    requireSecondFactor: true,
  })
  assert.deepEqual(read.gatewayClient, { clientId: 'pop-gateway', secret: 's1' })
  assert.deepEqual(read.services, [
    { clientId: 'reporter', authentication: 'secret', secret: 's', roles: ['reader'], exchangesTokens: false },
  ])
  assert.deepEqual(read.users, [user])
})

test('parseRealmRequest() reads how a service proves itself, and what its tokens are bound to', () => {
  const { secret: _secret, ...rest } = service
  const [byKey] = parseRealmRequest({ ...sent, services: [{ ...rest, jwks: '{}' }] }).services
  assert.deepEqual([byKey?.authentication, byKey?.jwks, byKey?.secret], ['private_key_jwt', '{}', undefined])
  for (const bound of ['dpop', 'certificate']) {
    const [read] = parseRealmRequest({ ...sent, services: [{ ...service, bound }] }).services
    assert.equal(read?.bound, bound)
  }
})

test('parseRealmRequest() reads a second factor where there is one', () => {
  const [enrolled] = parseRealmRequest({ ...sent, users: [{ ...user, totp_secret: 'ABC' }] }).users
  assert.equal(enrolled?.totpSecret, 'ABC')
  assert.ok(!('totpSecret' in (parseRealmRequest(sent).users[0] ?? {})))
})

const faults: readonly (readonly [string, unknown, string])[] = [
  ['no request', undefined, 'request'],
  ['a list', [], 'request'],
  ['no realm', { ...sent, realm: undefined }, 'realm'],
  ['an empty realm', { ...sent, realm: '' }, 'realm'],
  ['a gateway with a line end', { ...sent, gateway: 'https://x\n' }, 'gateway'],
  ['a life as a text', { ...sent, security: { ...security, token_expiration: '60' } }, 'token_expiration'],
  ['half a failure', { ...sent, security: { ...security, max_failed_attempts: 0.5 } }, 'max_failed_attempts'],
  ['a second factor as a text', { ...sent, security: { ...security, require_2fa: 'no' } }, 'require_2fa'],
  ['no word about the password grant', { ...sent, password_grant: undefined }, 'password_grant'],
  ['roles that are no texts', { ...sent, roles: [1] }, 'roles'],
  ['permissions as a text', { ...sent, module_permissions: { kafka_service: 'all' } }, 'kafka_service'],
  ['no secret of the gateway', { ...sent, gateway_client: { client_id: 'pop-gateway' } }, 'secret'],
  ['no secret of control', { ...sent, control_secret: '' }, 'control_secret'],
  ['a service without a secret', { ...sent, services: [{ ...service, secret: undefined }] }, 'secret'],
  ['a service that is bound to nothing known', { ...sent, services: [{ ...service, bound: 'tls' }] }, 'bound'],
  ['a service whose binding is a flag', { ...sent, services: [{ ...service, bound: true }] }, 'bound'],
  ['services as a map', { ...sent, services: { reporter: service } }, 'services'],
  ['a person without a password', { ...sent, users: [{ ...user, password: undefined }] }, 'password'],
]
for (const [name, value, member] of faults) {
  test(`parseRealmRequest() refuses ${name} and names the member`, () => {
    const message = `The request for the realm has no usable "${member}".`
    assert.throws(() => parseRealmRequest(value), { name: 'TypeError', message })
  })
}
