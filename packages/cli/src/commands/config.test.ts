import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { test } from 'node:test'
import { rootCertificates } from 'node:tls'
import { developmentSettings } from '@pop-api/settings'
import { aroundPop } from './try-pop.ts'

const program = new URL('../../bin/pop.ts', import.meta.url).pathname

test('pop config check passes good settings, with warnings and what has no effect yet', async () => {
  await using around = await aroundPop()
  const file = join(around.folder, 'pop.yaml')
  await writeFile(file, `${developmentSettings}grants:\n  admin: [kafka.create, kafka.dance]\n`)
  const { code, stdout, stderr } = await around.pop(['config', 'check', file])
  assert.deepEqual([code, stderr], [0, ''])
  const line = developmentSettings.split('\n').length + 1
  assert.ok(stdout.includes(`${file}:${line}: warning: grants.admin: kafka.dance is in no module_permissions`), stdout)
  assert.match(stdout, /pop\.yaml:\d+: data_security: accepted, no effect yet\n/)
  const { faults, ...report } = JSON.parse((await around.pop(['config', 'check', '--config', file, '--json'])).stdout)
  assert.deepEqual(faults, [])
  assert.equal(report.ok, true)
  assert.equal(report.file, file)
})

test('pop config check tells every fault with its line, and exits with 2', async () => {
  await using around = await aroundPop()
  const file = join(around.folder, 'pop.yaml')
  await writeFile(file, developmentSettings.replace('token_expiration: 3600', 'token_expiration: soon\n  colour: red'))
  const { code, stdout, stderr } = await around.pop(['config', 'check', file])
  assert.equal(code, 2)
  assert.match(stdout, /pop\.yaml:\d+: security_config\.token_expiration: .+\n/)
  assert.match(stdout, /pop\.yaml:\d+: security_config\.colour: unknown key\n/)
  assert.equal(stderr, `pop: ${file} has 2 faults\n`)
  const show = await around.pop(['config', 'show', file])
  assert.equal(show.code, 2)
  assert.equal(show.stdout, '')
  assert.match(show.stderr, /has 2 faults:\n/)
})

test('pop config check refuses a CA of the identity provider that is not there, or is none', async () => {
  await using around = await aroundPop()
  const [file, ca] = [join(around.folder, 'pop.yaml'), join(around.folder, 'ca.pem')]
  const identity = `{ provider: keycloak, issuer: "https://id.example/realms/pop", ca: ${ca} }`
  await writeFile(file, `${developmentSettings}identity: ${identity}\n`)
  const check = () => around.pop(['config', 'check', file])
  const missing = await check()
  assert.equal(missing.code, 2)
  assert.match(missing.stdout, /identity\.ca: there is no file .+ca\.pem: give the file with the CA/)
  await writeFile(ca, 'no certificate')
  assert.match((await check()).stdout, /identity\.ca: .+ca\.pem holds no PEM certificate/)
  await writeFile(ca, rootCertificates[0] ?? '')
  assert.equal((await check()).code, 0)
})

test('pop config check refuses what pop up refuses, and says nothing of the built-in grants', async () => {
  await using around = await aroundPop()
  const file = join(around.folder, 'pop.yaml')
  const production = developmentSettings.replace('environment: development', 'environment: production')
  await writeFile(file, production)
  const embedded = await around.pop(['config', 'check', file])
  const words = `${file}:2: identity.provider: production does not start with the embedded identity provider. Set`
  assert.equal(embedded.code, 2)
  assert.ok(embedded.stdout.startsWith(words), embedded.stdout)
  assert.doesNotMatch(embedded.stdout, /warning: grants|: good/)
  const up = await around.pop(['up', '--config', file, '--port-base', '0'])
  assert.equal(up.code, 2)
  assert.ok(up.stderr.includes(words), up.stderr)
  await writeFile(file, `${production}identity:\n  provider: keycloak\n  issuer: https://id.example/realms/pop\n`)
  assert.equal((await around.pop(['config', 'check', file])).code, 0)
  await writeFile(join(around.folder, 'home', 'dev-users.json'), '{}')
  const beside = await around.pop(['config', 'check', file, '--json'])
  assert.equal(beside.code, 2)
  assert.match(JSON.parse(beside.stdout).faults[0].message, /beside the users of development/)
  assert.equal(JSON.parse(beside.stdout).ok, false)
})

test('pop config show writes settings that pop config check takes, and that mean the same', async () => {
  await using around = await aroundPop()
  const [file, again] = [join(around.folder, 'pop.yaml'), join(around.folder, 'again.yaml')]
  await writeFile(file, developmentSettings.replace('  reader:\n    - view_public_resources\n', ''))
  const shown = (await around.pop(['config', 'show', file])).stdout
  assert.match(shown, /\n# in force, of environments\.development: require_mTLS: false, .+audit_level: full\n$/)
  await writeFile(again, shown)
  const check = await around.pop(['config', 'check', again])
  assert.deepEqual([check.code, check.stderr], [0, ''])
  const settings = async (path: string): Promise<unknown> =>
    JSON.parse((await around.pop(['config', 'show', path, '--json'])).stdout)
  assert.deepEqual(await settings(again), await settings(file))
})

test('pop config takes ./pop.yaml, else the file of the home, else the built-in settings', async () => {
  await using around = await aroundPop()
  const home = join(around.folder, 'home')
  await mkdir(home)
  const { PATH, NODE_OPTIONS } = process.env
  // A process of its own, for its present folder.
  const show = (): string =>
    execFileSync(process.execPath, [program, 'config', 'show'], {
      cwd: around.folder,
      env: { ...around.environment, PATH, NODE_OPTIONS },
      encoding: 'utf8',
    })
  const attempts = (count: number): string =>
    developmentSettings.replace('failed_attempts: 5', `failed_attempts: ${count}`)
  assert.match(show(), /^# built-in settings\nenvironment: development\n/)
  await writeFile(join(home, 'pop.yaml'), attempts(9))
  assert.ok(show().startsWith(`# ${join(home, 'pop.yaml')}\n`))
  assert.match(show(), /\n {2}max_failed_attempts: 9\n/)
  await writeFile(join(around.folder, 'pop.yaml'), attempts(7))
  assert.match(show(), /^# pop\.yaml\n[^]+\n {2}max_failed_attempts: 7\n/)
  const { stdout } = await around.pop(['config', 'show', join(home, 'pop.yaml'), '--json'])
  assert.equal(JSON.parse(stdout).security_config.max_failed_attempts, 9)
})

test('pop config refuses a file that is not there, and two files', async () => {
  await using around = await aroundPop()
  const none = await around.pop(['config', 'check', '/none.yaml'])
  assert.equal(none.code, 2)
  assert.match(none.stderr, /there is no settings file \/none\.yaml/)
  assert.match((await around.pop(['config', 'show', 'a', '--config', 'b'])).stderr, /not both/)
})
