import assert from 'node:assert/strict'
import { test } from 'node:test'
import { CommandFailure, exitCodes } from '../command-failure.ts'
import { orderRealm } from './realm-program.ts'

// Through the program itself, with orders that it must refuse and an environment in which it goes wrong.

const quiet = (): void => undefined
const request = {
  realm: 'pop',
  gateway: 'https://gateway.example',
  audience: 'pop-api',
  security: {
    token_expiration: 3600,
    max_failed_attempts: 5,
    lockout_duration: 300,
    minimum_password_length: 12,
    require_2fa: true,
  },
  require_tls: true,
  password_grant: true,
  roles: ['admin'],
  module_permissions: {},
  gateway_client: { client_id: 'pop-gateway', secret: 'not-to-be-shown' },
  control_secret: 'not-to-be-shown',
  services: [],
  users: [],
}

/** Node options with which the program does this before anything else. */
function first(script: string): NodeJS.ProcessEnv {
  const { NODE_OPTIONS: present = '' } = process.env
  return { ...process.env, NODE_OPTIONS: `${present} --import=data:text/javascript,${encodeURIComponent(script)}` }
}

async function failureOf(work: Promise<unknown>): Promise<CommandFailure> {
  return await work.then(
    () => assert.fail('it was done'),
    (error: unknown) => (error instanceof CommandFailure ? error : assert.fail(String(error))),
  )
}

test('orderRealm() gives what the program answers', async () => {
  const realm = await orderRealm({ verb: 'export', request }, process.env, quiet)
  assert.equal(realm['realm'], 'pop')
  assert.ok(!JSON.stringify(realm).includes('not-to-be-shown'))
})

test('orderRealm() says what was wrong with an order', async () => {
  const unknown = await failureOf(orderRealm({ verb: 'destroy', request }, process.env, quiet))
  assert.deepEqual(
    [unknown.exitCode, unknown.message],
    [exitCodes.usage, 'The order for the realm has no usable "verb".'],
  )
  const incomplete = await failureOf(
    orderRealm({ verb: 'plan', request: { ...request, roles: 'all' } }, process.env, quiet),
  )
  assert.equal(incomplete.message, 'The request for the realm has no usable "roles".')
  const nobody = await failureOf(orderRealm({ verb: 'apply', request }, process.env, quiet))
  assert.equal(nobody.message, 'The order for the realm names no administrator.')
})

test('orderRealm() tells a Keycloak that nobody can reach from one that would not', async () => {
  // Nobody listens on port 1.
  const administrator = { server: 'https://127.0.0.1:1', realm: 'master', username: 'admin', password: 'hidden-word' }
  const failure = await failureOf(orderRealm({ verb: 'plan', request, administrator }, process.env, quiet))
  assert.equal(failure.exitCode, exitCodes.unreachable)
  assert.match(failure.message, /could not be reached to sign in at https:\/\/127\.0\.0\.1:1/)
  assert.ok(!failure.message.includes('hidden-word'))
})

test('orderRealm() tells the last words of a program that ended without an answer', async () => {
  const environment = first('process.stderr.write("out of luck"); process.exit(3)')
  const failure = await failureOf(orderRealm({ verb: 'export', request }, environment, quiet))
  assert.equal(failure.exitCode, exitCodes.usage)
  assert.match(failure.message, /^the program for realms ended without an answer: out of luck/)
})

test('orderRealm() outlives a program that ends before it has read an order of any length', async () => {
  const long = { ...request, roles: Array.from({ length: 1000 }, (_none, index) => `role_${index}_${'x'.repeat(200)}`) }
  const failure = await failureOf(orderRealm({ verb: 'export', request: long }, first('process.exit(1)'), quiet))
  assert.match(failure.message, /ended without an answer/)
})

test('orderRealm() takes no line for an answer that is none', async () => {
  const lines = ['not json', '[1]', '{"result":"done"}', '{"result":[]}', '{"progress":7}', '{"error":null}', '']
  const nonsense = `console.log(${JSON.stringify(lines.join('\n'))});`
  const heard: string[] = []
  const answered = await orderRealm({ verb: 'export', request }, first(nonsense), (name) => void heard.push(name))
  assert.deepEqual([answered['realm'], heard], ['pop', []])
  const failure = await failureOf(orderRealm({ verb: 'export', request }, first(`${nonsense} process.exit(0)`), quiet))
  assert.match(failure.message, /ended without an answer/)
})
