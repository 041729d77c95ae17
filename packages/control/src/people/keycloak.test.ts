import assert from 'node:assert/strict'
import { chmod, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, test } from 'node:test'
import { PopError } from '@pop-api/protocol'
import { settingsWith } from '../test-world.ts'
import { askKeycloakOf, type AskKeycloak } from './keycloak.ts'
import { standInKeycloak, type StandInAnswer, type StandInKeycloak } from './stand-in-keycloak.ts'

const secret = 'the-secret-of-control'
let folder = ''
let secretFile = ''
let keycloak: StandInKeycloak

before(async () => {
  folder = await mkdtemp(join(tmpdir(), 'pop-people-'))
  await chmod(folder, 0o700)
  secretFile = join(folder, 'keycloak-client-secret')
  await writeFile(secretFile, `${secret}\n`, { mode: 0o600 })
  keycloak = await standInKeycloak(folder)
})

after(async () => {
  await keycloak[Symbol.asyncDispose]()
  await rm(folder, { recursive: true })
})

interface Change {
  readonly provider?: 'embedded' | 'keycloak'
  readonly issuer?: string
  readonly ca?: string
  readonly secretFile?: string
  readonly timeoutMs?: number
}

function ask(change: Change = {}): AskKeycloak {
  const { provider = 'keycloak', issuer = keycloak.issuer, ca = keycloak.ca } = change
  return askKeycloakOf({
    identity: () => ({ ...settingsWith('full').identity, provider, issuer, ca }),
    secretFile: change.secretFile ?? secretFile,
    timeoutMs: change.timeoutMs ?? 5_000,
  })
}

const list = (asking: AskKeycloak): Promise<unknown> => asking((client) => client.users.find())

async function failsWith(doing: Promise<unknown>, code: string, detail: RegExp): Promise<PopError> {
  try {
    await doing
  } catch (failure) {
    assert.ok(failure instanceof PopError, String(failure))
    assert.equal(failure.code, code)
    assert.match(failure.message, detail)
    assert.ok(!failure.message.includes(secret))
    return failure
  }
  return assert.fail('it was not refused')
}

test('askKeycloakOf() asks as control’s own client, with the secret of the file, and takes a token anew for each work', async () => {
  keycloak.answer = () => undefined
  keycloak.asked.length = 0
  const asking = ask()
  assert.deepEqual([await list(asking), await list(asking)], [[], []])
  assert.deepEqual(
    keycloak.asked.map(({ method, path }) => `${method} ${path}`),
    Array.from({ length: 2 }, () => ['POST /protocol/openid-connect/token', 'GET /users/']).flat(),
  )
  assert.equal(keycloak.asked[0]?.body, 'grant_type=client_credentials&client_id=pop-control')
})

const unmanaged: readonly (readonly [string, () => Change, RegExp])[] = [
  ['the embedded provider', () => ({ provider: 'embedded' }), /stand in dev-users\.json/],
  ['no secret', () => ({ secretFile: join(folder, 'none') }), /run pop realm apply/],
  ['an issuer that is no realm', () => ({ issuer: 'https://localhost:1/' }), /identity\.issuer/],
  ['an issuer without TLS', () => ({ issuer: 'http://localhost:1/realms/pop' }), /identity\.issuer/],
]
for (const [name, change, detail] of unmanaged) {
  test(`askKeycloakOf() with ${name} says that users are not managed here, what to do, and asks nobody`, async () => {
    keycloak.asked.length = 0
    await failsWith(list(ask(change())), 'users-not-managed', detail)
    assert.deepEqual(keycloak.asked, [])
  })
}

test('askKeycloakOf() does not believe a secret that others can read', async () => {
  const exposed = join(folder, 'exposed')
  await writeFile(exposed, secret, { mode: 0o644 })
  await assert.rejects(list(ask({ secretFile: exposed })), { code: 'secret-exposed' })
})

const signInFaults: readonly (readonly [string, StandInAnswer, string, RegExp])[] = [
  ['refuses the secret', { status: 401, json: { error: 'unauthorized_client' } }, 'users-not-managed', /realm apply/],
  ['has no such realm', { status: 404, json: { error: 'Realm does not exist' } }, 'users-not-managed', /realm apply/],
  ['fails', { status: 500, text: 'oops' }, 'identity-unavailable', /does not answer/],
  ['answers garbage', { text: '<html>' }, 'identity-unavailable', /does not answer/],
  ['cuts the connection', 'cut', 'identity-unavailable', /does not answer/],
]
for (const [name, answer, code, detail] of signInFaults) {
  test(`askKeycloakOf() where Keycloak ${name} at the sign-in gives ${code}`, async () => {
    keycloak.answer = ({ path }) => (path.endsWith('/token') ? answer : undefined)
    const failure = await failsWith(list(ask()), code, detail)
    if (failure.status === 503) assert.equal(failure.headers['retry-after'], '5')
  })
}

const faults: readonly (readonly [string, StandInAnswer, string, RegExp])[] = [
  ['forbids it', { status: 403, json: { error: 'HTTP 403 Forbidden' } }, 'users-not-managed', /gives its rights/],
  ['knows nobody', { status: 404, json: { error: 'User not found' } }, 'resource-not-found', /no more/],
  ['has one already', { status: 409, json: { errorMessage: 'User exists' } }, 'resource-exists', /of this name/],
  [
    'has a rule for passwords',
    { status: 400, json: { error: 'invalidPasswordMinLengthMessage', error_description: 'minimum length 12.' } },
    'body-invalid',
    /minimum length 12\.$/,
  ],
  [
    'has a rule for fields',
    { status: 400, json: { field: 'email', errorMessage: 'error-invalid-email' } },
    'body-invalid',
    /email, error-invalid-email/,
  ],
  ['repeats what was sent', { status: 400, json: { error: secret } }, 'body-invalid', /no reason that could be shown/],
  ['is overloaded', { status: 429, text: '' }, 'identity-unavailable', /does not answer/],
  ['fails', { status: 502, text: 'oops' }, 'identity-unavailable', /does not answer/],
  ['answers more than anybody wants', { text: `"${'x'.repeat(5 * 1024 * 1024)}"` }, 'identity-unavailable', /does not/],
  ['leads elsewhere', { status: 302, location: '/elsewhere' }, 'identity-unavailable', /does not answer/],
  ['cuts the connection', 'cut', 'identity-unavailable', /does not answer/],
]
for (const [name, answer, code, detail] of faults) {
  test(`askKeycloakOf() where Keycloak ${name} gives ${code}`, async () => {
    keycloak.answer = ({ path }) => (path.endsWith('/token') ? undefined : answer)
    keycloak.asked.length = 0
    await failsWith(list(ask()), code, detail)
    assert.ok(keycloak.asked.every(({ path }) => path !== '/elsewhere'))
  })
}

test('askKeycloakOf() waits no longer than it may, for a server that says nothing and for work that has no end', async () => {
  keycloak.answer = ({ path }) => (path.endsWith('/token') ? undefined : 'silence')
  await failsWith(list(ask({ timeoutMs: 200 })), 'identity-unavailable', /does not answer/)
  keycloak.answer = () => undefined
  const endless = ask({ timeoutMs: 200 })(async (client) => {
    for (;;) await client.users.find()
  })
  await failsWith(endless, 'identity-unavailable', /does not answer/)
})

test('askKeycloakOf() ends with its signal', async () => {
  keycloak.answer = ({ path }) => (path.endsWith('/token') ? undefined : 'silence')
  const stop = new AbortController()
  const asking = ask()((client) => client.users.find(), stop.signal)
  setTimeout(() => stop.abort(), 50)
  await failsWith(asking, 'identity-unavailable', /does not answer/)
})

test('askKeycloakOf() sends nothing to a server of another CA, or to none', async () => {
  await using other = await standInKeycloak(folder)
  keycloak.asked.length = 0
  await failsWith(list(ask({ ca: other.ca })), 'identity-unavailable', /does not answer/)
  assert.deepEqual(keycloak.asked, [])
  await failsWith(list(ask({ issuer: 'https://localhost:1/realms/pop' })), 'identity-unavailable', /does not answer/)
})

test('a refusal of the work itself passes as it is', async () => {
  keycloak.answer = () => undefined
  const refusal = new PopError('conflict', 'not this')
  await assert.rejects(
    ask()(() => Promise.reject(refusal)),
    (failure) => failure === refusal,
  )
})
