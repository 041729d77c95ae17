import assert from 'node:assert/strict'
import { once } from 'node:events'
import { createServer, type AddressInfo } from 'node:net'
import { after, before, test } from 'node:test'
import { applyRealm, connectAdmin, planRealm, RealmError } from '@pop-api/identity'
import { liveServers, startPop, type Pop } from '@pop-api/testkit'

let pop: Pop
const quiet = (): void => undefined

before(async () => {
  pop = await startPop()
})

after(async () => {
  await pop[Symbol.asyncDispose]()
})

/** Names of what a plan would do now. */
async function planned(): Promise<string[]> {
  const { admin, request } = pop.keycloak()
  const { changes } = await planRealm(await admin(), request(), quiet)
  return changes.map(({ verb, name }) => `${verb} ${name}`)
}

test('planRealm() finds nothing to do in a realm that was just applied', async () => {
  assert.deepEqual(await planned(), [])
})

test('planRealm() changes nothing: of a realm that is not there it says that all is to be created', async () => {
  const { admin, request } = pop.keycloak()
  const elsewhere = { ...request(), realm: `absent-${crypto.randomUUID()}` }
  const keycloak = await admin()
  const { changes } = await planRealm(keycloak, elsewhere, quiet)
  assert.ok(changes.length > 30)
  assert.ok(changes.every(({ verb }) => verb === 'create'))
  assert.equal((await keycloak.realms.findOne({ realm: elsewhere.realm })) ?? undefined, undefined)
})

/** What somebody does to the realm by hand, and what is found to be changed by it. */
const tampering: readonly (readonly [string, (pop: Pop) => Promise<unknown>, readonly string[]])[] = [
  [
    'a longer token life',
    async ({ keycloak }) => {
      const { realm, admin } = keycloak()
      await (await admin()).realms.update({ realm }, { accessTokenLifespan: 86_400 })
    },
    ['change realm'],
  ],
  [
    'a lockout that is switched off',
    async ({ keycloak }) => {
      const { realm, admin } = keycloak()
      await (await admin()).realms.update({ realm }, { bruteForceProtected: false })
    },
    ['change realm'],
  ],
  [
    'a client that may carry every role',
    async (world) => {
      const { admin, id } = await clientOf(world, 'pop-gateway')
      await admin.clients.update({ realm: world.keycloak().realm, id }, { fullScopeAllowed: true })
    },
    ['change client pop-gateway'],
  ],
  [
    'a redirect to somewhere else',
    async (world) => {
      const { admin, id } = await clientOf(world, 'pop-cli')
      await admin.clients.update(
        { realm: world.keycloak().realm, id },
        { redirectUris: ['http://127.0.0.1/callback', 'https://attacker.example/*'] },
      )
    },
    ['change client pop-cli'],
  ],
  [
    'a scope that puts more claims into tokens',
    async (world) => {
      const { realm } = world.keycloak()
      const { admin, id } = await clientOf(world, 'pop-gateway')
      const scope = (await admin.clientScopes.find({ realm })).find(({ name }) => name === 'roles')
      await admin.clients.addDefaultClientScope({ realm, id, clientScopeId: scope?.id ?? '' })
    },
    ['change scopes of client pop-gateway'],
  ],
  [
    'another audience',
    async ({ keycloak }) => {
      const { realm, admin } = keycloak()
      const kc = await admin()
      const scope = (await kc.clientScopes.find({ realm })).find(({ name }) => name === 'pop')
      const mapper = scope?.protocolMappers?.find(({ name }) => name === 'audience')
      assert.ok(scope?.id !== undefined && mapper?.id !== undefined)
      const config = { ...mapper.config, 'included.custom.audience': 'somebody-else' }
      await kc.clientScopes.updateProtocolMapper({ realm, id: scope.id, mapperId: mapper.id }, { ...mapper, config })
    },
    ['change mapper audience of client scope pop'],
  ],
  [
    'a sign-in that asks for no code',
    async ({ keycloak }) => {
      const { realm, admin } = keycloak()
      const kc = await admin()
      const flow = (await kc.realms.findOne({ realm }))?.directGrantFlow ?? ''
      const steps = await kc.authenticationManagement.getExecutions({ realm, flow })
      const otp = steps.find(({ providerId }) => providerId === 'direct-grant-validate-otp')
      await kc.authenticationManagement.updateExecution({ realm, flow }, { ...otp, requirement: 'DISABLED' })
    },
    ['change sign-in pop direct grant'],
  ],
  [
    'the flow that Keycloak has by itself',
    async ({ keycloak }) => {
      const { realm, admin } = keycloak()
      await (await admin()).realms.update({ realm }, { browserFlow: 'browser' })
    },
    ['change sign-in pop browser'],
  ],
  [
    'a role that a service client gave itself',
    async (world) => {
      const { realm } = world.keycloak()
      const { admin, id } = await clientOf(world, 'reporter')
      const user = await admin.clients.getServiceAccountUser({ realm, id })
      const role = await admin.roles.findOneByName({ realm, name: 'admin' })
      await admin.users.addRealmRoleMappings({
        realm,
        id: user.id ?? '',
        roles: [{ id: role?.id ?? '', name: 'admin' }],
      })
    },
    ['change roles of client reporter'],
  ],
  [
    'a secret that somebody else knows',
    async (world) => {
      const { admin, id } = await clientOf(world, 'pop-gateway')
      await admin.clients.update({ realm: world.keycloak().realm, id }, { secret: 'known' })
    },
    ['change client pop-gateway'],
  ],
  [
    'a role that is gone',
    async ({ keycloak }) => {
      const { realm, admin } = keycloak()
      await (await admin()).roles.delByName({ realm, name: 'reader' })
    },
    [
      'create role reader',
      'change roles in tokens of client pop-gateway',
      'change roles in tokens of client pop-cli',
      'change roles in tokens of client pop-console',
      'change roles in tokens of client reporter',
      'change roles of client reporter',
    ],
  ],
]

async function clientOf({ keycloak }: Pop, clientId: string) {
  const { realm, admin } = keycloak()
  const kc = await admin()
  const [found] = await kc.clients.find({ realm, clientId })
  assert.ok(found?.id !== undefined, clientId)
  return { admin: kc, id: found.id }
}

for (const [name, tamper, found] of tampering) {
  test(`planRealm() finds ${name}, and applyRealm() mends it`, async () => {
    const { realm } = pop.keycloak()
    await tamper(pop)
    assert.deepEqual(
      await planned(),
      found.map((line) => (line === 'change realm' ? `change realm ${realm}` : line)),
    )
    await pop.keycloak().apply({})
    assert.deepEqual(await planned(), [])
  })
}

test('a plan shows what a secret is not, and never what it is', async () => {
  const { admin, request } = pop.keycloak()
  const other = { ...request(), gatewayClient: { clientId: 'pop-gateway', secret: 'a-new-and-secret-word' } }
  const text = JSON.stringify(await planRealm(await admin(), other, quiet))
  assert.match(text, /"field":"secret"/)
  assert.ok(!text.includes('a-new-and-secret-word') && !text.includes(request().gatewayClient.secret))
})

test('applyRealm() leaves alone what others made, also when it prunes', async () => {
  const { realm, admin, request } = pop.keycloak()
  const kc = await admin()
  await kc.clients.create({ realm, clientId: 'somebody-elses', enabled: true })
  await kc.roles.create({ realm, name: 'somebody-elses-role' })
  await kc.users.create({ realm, username: 'somebody', enabled: true })
  await kc.realms.update({ realm }, { passwordPolicy: 'length(12) and notUsername(undefined) and digits(1)' })
  const report = await applyRealm(kc, request(), { prune: true, progress: quiet })
  assert.deepEqual([report.changes, report.surplus], [[], []])
  assert.equal((await kc.clients.find({ realm, clientId: 'somebody-elses' })).length, 1)
  assert.equal((await kc.users.find({ realm, username: 'somebody', exact: true })).length, 1)
  assert.match((await kc.realms.findOne({ realm }))?.passwordPolicy ?? '', /digits\(1\)/)
})

test('a role and a client of others that pop.yaml names for a while stay theirs, also when it prunes', async () => {
  const { realm, admin, request } = pop.keycloak()
  const kc = await admin()
  await kc.roles.create({ realm, name: 'finance' })
  await kc.clients.create({ realm, clientId: 'their-app', enabled: true })
  const { roles, services } = request()
  const theirs = {
    clientId: 'their-app',
    authentication: 'secret',
    secret: 'x',
    roles: [],
    exchangesTokens: false,
  } as const
  const more = { ...request(), roles: [...roles, 'finance'], services: [...services, theirs] }
  await applyRealm(kc, more, { prune: true, progress: quiet })
  assert.deepEqual((await planRealm(kc, more, quiet)).changes, [])
  const { surplus } = await applyRealm(kc, request(), { prune: true, progress: quiet })
  assert.deepEqual(surplus, [])
  assert.equal((await kc.roles.findOneByName({ realm, name: 'finance' }))?.name, 'finance')
  assert.equal((await kc.clients.find({ realm, clientId: 'their-app' })).length, 1)
})

test('what was made here and is wanted no more is named, and removed only when asked to', async () => {
  const { realm, admin, request } = pop.keycloak()
  const kc = await admin()
  const fewer = { ...request(), roles: ['admin', 'user'], services: [] }
  const named = await applyRealm(kc, fewer, { prune: false, progress: quiet })
  assert.deepEqual(named.surplus, ['client reporter', 'role reader'])
  assert.equal((await kc.clients.find({ realm, clientId: 'reporter' })).length, 1)
  const pruned = await applyRealm(kc, fewer, { prune: true, progress: quiet })
  assert.deepEqual(
    pruned.changes.map(({ verb, name }) => `${verb} ${name}`),
    ['remove client reporter', 'remove role reader'],
  )
  assert.equal((await kc.clients.find({ realm, clientId: 'reporter' })).length, 0)
})

test('connectAdmin() says what is wrong with an administrator and with a server', async () => {
  const { server } = liveServers().keycloak
  const person = (password: string) => ({ kind: 'person', username: 'admin', password }) as const
  const says = async (place: string, realm: string, password: string, pattern: RegExp): Promise<void> => {
    await assert.rejects(
      connectAdmin({ server: place, realm, credentials: person(password) }, 'pop'),
      (error) => error instanceof RealmError && pattern.test(error.message) && !error.message.includes(password),
    )
  }
  await says(server, 'master', 'not-the-password', /does not let the user admin of realm master in/)
  await says(server, 'nowhere', 'not-the-password', /has no realm nowhere/)
  const closed = createServer().listen(0, '127.0.0.1')
  await once(closed, 'listening')
  const { port } = closed.address() as AddressInfo // Listening on TCP, so it is not a path.
  closed.close()
  await says(
    `https://127.0.0.1:${port}`,
    'master',
    'not-the-password',
    /could not be reached to sign in at .*ECONNREFUSED/,
  )
})
