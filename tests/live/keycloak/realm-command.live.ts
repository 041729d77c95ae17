import assert from 'node:assert/strict'
import { readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { test } from 'node:test'
import { connectAdmin } from '@pop-api/identity'
import { developmentSettings } from '@pop-api/settings'
import { liveServers } from '@pop-api/testkit'
import { runTour } from '../../e2e/run-tour.ts'
import { startSupervised } from '../../e2e/supervised.ts'
import { makeHome, pop, popWith, startUp } from '../../e2e/up-world.ts'

const { keycloak } = liveServers()

function settingsFor(realm: string, gateway = 'https://localhost:8443', more = ''): string {
  const identity = `identity: { provider: keycloak, issuer: "${keycloak.server}/realms/${realm}", ca: "${keycloak.ca}" }`
  return `${developmentSettings}${more}\n${identity}\nrealm: { gateway: "${gateway}" }\n`
}

/** A home and a `pop.yaml` for a realm of its own; `run` is `pop realm` there, as the administrator of the server. */
async function makeRealmHome() {
  const home = await makeHome()
  const realm = `command-${crypto.randomUUID()}`
  const config = join(home.folder, 'pop.yaml')
  await writeFile(config, settingsFor(realm))
  const run = (verb: string, ...more: readonly string[]) =>
    popWith(
      keycloak.adminPassword,
      '--home',
      home.path,
      'realm',
      verb,
      '--config',
      config,
      '--admin-user',
      'admin',
      '--admin-secret-stdin',
      ...more,
    )
  return { ...home, realm, config, run }
}

test('pop realm plan shows all of it, apply does it, then there is nothing to do and no drift', async () => {
  await using home = await makeRealmHome()
  const plan = await home.run('plan')
  assert.equal(plan.code, 0, plan.errors)
  assert.match(plan.output, /^\+ client pop-gateway$/m)
  const [, planned = '', line = ''] = /^(\d+) changes\. To do all this: pop (realm apply .+)$/m.exec(plan.output) ?? []
  assert.equal(line, `realm apply --home ${home.path} --config ${home.config} --admin-user admin`)
  const before = await home.run('drift')
  assert.equal(before.code, 1)
  assert.ok(before.errors.includes(`To mend it: pop ${line}`), before.errors)
  // As it was shown, but for the secret.
  const apply = await popWith(keycloak.adminPassword, ...line.split(' '), '--admin-secret-stdin')
  assert.equal(apply.code, 0, apply.errors)
  assert.match(apply.output, new RegExp(`^${planned} changes\\. Done\\.$`, 'm'))
  const things = (text: string): string[] => text.split('\n').filter((one) => one.startsWith('+ '))
  assert.deepEqual(things(apply.output), things(plan.output))
  // The users of development came along, and one of them is an operator.
  assert.doesNotMatch(apply.output, /first operator/)
  // What the commands of this home trust of the provider.
  const kept = await readFile(join(home.path, 'realm', 'ca.pem'), 'utf8')
  assert.equal(kept, await readFile(keycloak.ca, 'utf8'))
  const again = await home.run('apply')
  assert.equal(again.output, 'The realm was as the settings say already.\n')
  assert.deepEqual(
    [(await home.run('drift')).code, (await home.run('plan')).output],
    [0, 'The realm is as the settings say.\n'],
  )
})

test('pop realm drift tells field by field what somebody changed, with exit code 1', async () => {
  await using home = await makeRealmHome()
  await home.run('apply')
  const { server, adminPassword: password } = keycloak
  const credentials = { kind: 'person', username: 'admin', password } as const
  const admin = await connectAdmin({ server, realm: 'master', credentials }, home.realm)
  await admin.realms.update({ realm: home.realm }, { failureFactor: 500 })
  const drift = await home.run('drift')
  assert.equal(drift.code, 1)
  assert.equal(drift.output, `~ realm ${home.realm}\n    failureFactor: 500 → 5\n`)
  assert.match(drift.errors, /one thing is not as the settings say\. To mend it: pop realm apply --home/)
  const told = JSON.parse((await home.run('drift', '--json')).output)
  assert.deepEqual([told.drifted, told.changes.length], [true, 1])
})

test('pop realm apply says how the first operator comes to be, until there is one', async () => {
  await using home = await makeRealmHome()
  // A program with the role is no person.
  const text = settingsFor(home.realm).replace('realm: {', 'realm: { services: { maker: { roles: [admin] } },')
  await writeFile(home.config, text)
  const apply = await home.run('apply', '--without-users')
  assert.equal(apply.code, 0, apply.errors)
  assert.match(apply.output, /^No person in the realm has the role admin, so nobody can use pop user yet\./m)
  const place = `${keycloak.server}/admin/master/console/#/${home.realm}/users`
  assert.ok(apply.output.includes(`\nMake the first operator at ${place}\n`), apply.output)
  const { server, adminPassword: password } = keycloak
  const credentials = { kind: 'person', username: 'admin', password } as const
  const admin = await connectAdmin({ server, realm: 'master', credentials }, home.realm)
  // What the console does.
  const { realm } = home
  const temporary = { type: 'password', value: 'a-password-for-once', temporary: true }
  const { id } = await admin.users.create({ realm, username: 'zoe', enabled: true, credentials: [temporary] })
  const role = await admin.roles.findOneByName({ realm, name: 'admin' })
  await admin.users.addRealmRoleMappings({ realm, id, roles: [{ id: role?.id ?? '', name: 'admin' }] })
  const again = await home.run('apply', '--without-users')
  assert.equal(again.output, 'The realm was as the settings say already.\n')
  assert.deepEqual(
    [(await home.run('drift', '--without-users')).code, (await home.run('drift')).code],
    [0, 1],
    'drift sees what apply was told to leave out only where it is not told the same',
  )
})

test('pop realm refuses a realm that Keycloak spells otherwise, and changes nothing', async () => {
  await using home = await makeRealmHome()
  // The same server for every client of HTTP; tokens are compared letter for letter.
  const other = keycloak.server.replace('localhost', 'LOCALHOST')
  assert.notEqual(other, keycloak.server)
  await writeFile(home.config, settingsFor(home.realm).replace(keycloak.server, other))
  const refusal = `The settings say identity.issuer ${other}/realms/${home.realm}, and Keycloak says ${keycloak.server}/realms/`
  for (const verb of ['plan', 'apply', 'drift']) {
    const { code, errors } = await home.run(verb)
    assert.equal(code, 1)
    assert.ok(errors.includes(refusal), errors)
  }
  const credentials = { kind: 'person', username: 'admin', password: keycloak.adminPassword } as const
  const admin = await connectAdmin({ server: keycloak.server, realm: 'master', credentials }, home.realm)
  assert.equal((await admin.realms.findOne({ realm: home.realm })) ?? undefined, undefined)
})

test('pop doctor says that a realm is not applied yet, and finds no fault of Keycloak once it is', async () => {
  await using home = await makeRealmHome()
  // A plan makes the secrets that a start needs, and nothing else.
  assert.equal((await home.run('plan')).code, 0)
  await using up = startUp(home.path, ['--port-base', '0', '--config', home.config])
  await up.isReady()
  const doctor = () => pop('--home', home.path, 'doctor', '--config', home.config)
  const before = await doctor()
  assert.equal(before.code, 1)
  assert.ok(before.output.includes(` there is no realm ${home.realm} at ${keycloak.server}\n`), before.output)
  // The fault of the gateway ends one sentence, not two, and says why.
  const { errors } = await pop('--home', home.path, 'status')
  assert.match(errors, /identity provider: The keys .+ cannot be had now: There is no realm at .+ that is there\. See/)
  assert.equal((await home.run('apply')).code, 0)
  let after = await doctor()
  // The gateway asks again every few seconds.
  while (after.output.includes('not ready: identity provider')) after = await doctor()
  assert.equal(after.code, 0, after.output)
  assert.match(after.output, / provider +https:.+ has (one key|\d keys)$/m)
})

test('no secret is shown, and each lies in a file of the home that is for its owner alone', async () => {
  await using home = await makeRealmHome()
  const outputs = [await home.run('plan'), await home.run('apply'), await home.run('apply', '--json')]
  const secrets = await Promise.all(
    ['gateway/oidc-client-secret', 'control/keycloak-client-secret'].map((name) =>
      readFile(join(home.path, name), 'utf8'),
    ),
  )
  const text = outputs.map(({ output, errors }) => output + errors).join('')
  for (const secret of [...secrets, keycloak.adminPassword]) {
    assert.ok(secret.length > 20)
    assert.ok(!text.includes(secret))
  }
})

test('a wrong password, a realm that is not Keycloak’s, and the realm of administrators are refused in words', async () => {
  await using home = await makeRealmHome()
  const words = [
    '--home',
    home.path,
    'realm',
    'plan',
    '--config',
    home.config,
    '--admin-user',
    'admin',
    '--admin-secret-stdin',
  ]
  const refused = await popWith('not-the-password', ...words)
  assert.equal(refused.code, 1)
  assert.match(refused.errors, /does not let the user admin of realm master in: check name and secret/)
  await writeFile(home.config, settingsFor('master'))
  assert.match((await popWith('x', ...words)).errors, /the realm master is for administrators/)
  await writeFile(home.config, settingsFor('x').replace('/realms/x', '/x'))
  assert.match((await popWith('x', ...words)).errors, /expected https:\/\/HOST\/realms\/NAME/)
  assert.match((await pop('--home', home.path, 'realm', 'plan')).errors, /the settings name no realm/)
})

test('pop realm export refuses names that clash, as plan does', async () => {
  await using home = await makeRealmHome()
  await writeFile(
    home.config,
    (await readFile(home.config, 'utf8')).replace('identity: {', 'identity: { audience: pop-gateway,'),
  )
  const refused = await pop('--home', home.path, 'realm', 'export', '--config', home.config)
  assert.deepEqual([refused.code, refused.output], [1, ''])
  assert.match(refused.errors, /pop-gateway is there twice/)
  assert.match((await home.run('plan')).errors, /pop-gateway is there twice/)
})

test('pop realm export writes a file that Keycloak imports, after which apply has only secrets to set', async () => {
  await using home = await makeRealmHome()
  const exported = await pop('--home', home.path, 'realm', 'export', '--config', home.config)
  assert.equal(exported.code, 0, exported.errors)
  const gatewaySecret = await readFile(join(home.path, 'gateway', 'oidc-client-secret'), 'utf8')
  assert.ok(!exported.output.includes(gatewaySecret))
  const { server, adminPassword: password } = keycloak
  const credentials = { kind: 'person', username: 'admin', password } as const
  const admin = await connectAdmin({ server, realm: 'master', credentials }, home.realm)
  await admin.realms.create(JSON.parse(exported.output))
  const planned = await home.run('plan', '--without-users', '--json')
  assert.equal(planned.code, 0, planned.errors)
  const plan = JSON.parse(planned.output)
  const left = plan.changes.flatMap(({ name, fields }: { name: string; fields: { field: string }[] }) =>
    fields.map(({ field }) => `${name}: ${field}`),
  )
  const secrets = ['gateway', 'control', 'api'].map((name) => `client pop-${name}: secret`)
  assert.deepEqual(left, secrets)
})

test('pop realm keys shows the keys, rotates them and retires the old ones', async () => {
  await using home = await makeRealmHome()
  await home.run('apply', '--without-users')
  const states = async (...more: readonly string[]): Promise<string[]> => {
    const { code, output, errors } = await home.run('keys', '--json', ...more)
    assert.equal(code, 0, errors)
    return JSON.parse(output).keys.map(({ state }: { state: string }) => state)
  }
  const shown = async (): Promise<string> => (await home.run('keys')).output
  const first = await shown()
  const [, kid = ''] =
    /^KID .+\n([\w-]{43}) +RS256 +signs +\d+ +\S.+\nWhat signs now: \1 \(RS256\)\.\n$/.exec(first) ?? []
  assert.notEqual(kid, '', first)
  assert.deepEqual(await states(), ['signs'])
  assert.deepEqual(await states('--rotate'), ['signs', 'verifies'])
  const second = await shown()
  assert.match(second, new RegExp(`^${kid} +RS256 +verifies +`, 'm'))
  assert.match(second, /^([\w-]{43}) +RS256 +signs +\d+ +pop signing 2[^]+What signs now: \1 \(RS256\)\.\n$/m)
  // One beside it, as somebody may add it: the higher priority signs.
  const { server, adminPassword: password } = keycloak
  const credentials = { kind: 'person', username: 'admin', password } as const
  const admin = await connectAdmin({ server, realm: 'master', credentials }, home.realm)
  const parentId = (await admin.realms.findOne({ realm: home.realm }))?.id ?? ''
  const config = { priority: ['1'], enabled: ['true'], active: ['true'], algorithm: ['RS256'], keySize: ['2048'] }
  const providerType = 'org.keycloak.keys.KeyProvider'
  const spare = { name: 'spare', providerId: 'rsa-generated', providerType, parentId, config }
  await admin.components.create({ realm: home.realm, ...spare })
  assert.deepEqual(await states(), ['signs', 'waits', 'verifies'])
  assert.deepEqual(await states('--retire'), ['signs', 'waits', 'off'])
  assert.equal((await home.run('keys', '--rotate', '--retire')).code, 2)
})

test('the tour of the README runs unchanged with identity: keycloak', async () => {
  const realm = `tour-${crypto.randomUUID()}`
  await using system = await startSupervised({
    settings: (gateway) => settingsFor(realm, gateway),
    prepare: async (home, config) => {
      const who = ['--admin-user', 'admin', '--admin-secret-stdin']
      const words = ['--home', home, 'realm', 'apply', '--config', config, ...who]
      const { code, errors } = await popWith(keycloak.adminPassword, ...words)
      assert.equal(code, 0, errors)
    },
  })
  const output = await runTour('README.md', system)
  for (const word of ['identical', 'the same part', 'resource_creation', 'sign_in'])
    assert.match(output, new RegExp(word))
})
