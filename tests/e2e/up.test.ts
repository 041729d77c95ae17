import assert from 'node:assert/strict'
import { once } from 'node:events'
import { chmod, mkdir, readdir, readFile, stat, writeFile } from 'node:fs/promises'
import { get as getPlain } from 'node:http'
import { createServer, type AddressInfo } from 'node:net'
import { join } from 'node:path'
import { test } from 'node:test'
import { developmentSettings } from '@pop-api/settings'
import { allGone, makeHome, pidsOf, pop, readJson, startUp } from './up-world.ts'

const names = ['control', 'identity', 'kafka_service', 's3_service', 'gateway']

test('pop up starts everything, says where in run.json and in a line, and stops on SIGTERM', async () => {
  await using home = await makeHome()
  await using up = startUp(home.path)
  const ready = await up.isReady()
  const run = await readJson(join(home.path, 'run.json'))
  assert.deepEqual({ ...ready, ...run }, ready)
  assert.equal(run['version'], 1)
  assert.deepEqual(run['supervisor'], { pid: up.child.pid })
  assert.deepEqual(Object.keys(Object(run['processes'])), names)
  assert.match(String(run['gateway']), /^https:\/\/localhost:\d+$/)
  assert.match(String(run['operations']), /^http:\/\/127\.0\.0\.1:\d+$/)
  assert.match(String(run['issuer']), /^https:\/\/localhost:\d+\/realms\/pop$/)
  assert.match(String(Object(run['modules'])['kafka_service']), /^https:\/\/127\.0\.0\.1:\d+$/)
  assert.match(await readFile(String(run['ca']), 'utf8'), /^-----BEGIN CERTIFICATE-----/)
  const [answer] = await once(getPlain(`${String(run['operations'])}/readyz`, { agent: false }), 'response')
  assert.equal(answer.resume().statusCode, 200)
  up.child.kill('SIGTERM')
  assert.deepEqual(await up.exited, [0, null])
  assert.equal(await up.errors, '')
  const ended = up.told.flatMap(({ event, child, code }) => (event === 'ended' ? [[child, code]] : []))
  assert.deepEqual(
    ended,
    names.toReversed().map((name) => [name, 0]),
  )
  assert.deepEqual(await readdir(join(home.path, 'boot')), [])
  assert.ok(!(await readdir(home.path)).includes('run.json'))
})

test('pop up keeps every secret to its owner, and makes users and the secret of the gateway once', async () => {
  await using home = await makeHome()
  const kept: string[] = []
  for (let start = 1; start <= 2; start++) {
    await using up = startUp(home.path)
    await up.isReady()
    const secret = await readFile(join(home.path, 'gateway/oidc-client-secret'), 'utf8')
    assert.match(secret, /^[\w-]{43}$/)
    kept.push(secret + (await readFile(join(home.path, 'dev-users.json'), 'utf8')))
    const paths = ['dev-users.json', 'lock.db', 'run.json', 'gateway/oidc-client-secret', 'logs/supervisor.log']
    for (const path of paths) assert.equal((await stat(join(home.path, path))).mode & 0o777, 0o600, path)
    for (const path of ['', 'boot', 'logs', 'gateway', 'control', 'identity', 'kafka_service', 's3_service']) {
      assert.equal((await stat(join(home.path, path))).mode & 0o777, 0o700, path)
    }
    const text = JSON.stringify(up.told)
    assert.ok(!text.includes(secret) && !text.includes('pop-enrol.'))
    up.child.kill('SIGTERM')
    assert.deepEqual(await up.exited, [0, null])
  }
  assert.equal(kept[0], kept[1])
})

test('pop up starts a killed process again, at the address that it had', async () => {
  await using home = await makeHome()
  await using up = startUp(home.path)
  const before = await up.isReady()
  for (const name of names) {
    const start = up.told.length
    process.kill(Object(before['processes'])[name].pid, 'SIGKILL')
    const { pid } = await up.hears(({ event, child }) => event === 'child_ready' && child === name, start)
    const run = await readJson(join(home.path, 'run.json'))
    assert.equal(Object(run['processes'])[name].pid, pid)
    assert.notEqual(pid, Object(before['processes'])[name].pid)
    for (const member of ['gateway', 'operations', 'control', 'admin', 'issuer', 'modules']) {
      assert.deepEqual(run[member], before[member], `${member} after ${name}`)
    }
  }
  let status = await pop('--home', home.path, '--json', 'status')
  // The gateway may still be on its way back to control.
  while (status.code === 1) status = await pop('--home', home.path, '--json', 'status')
  assert.equal(status.code, 0, status.errors)
})

test('a killed supervisor takes all processes with it, and the next start works', async () => {
  await using home = await makeHome()
  await using first = startUp(home.path)
  await first.isReady()
  assert.equal((await pop('--home', home.path, 'status')).code, 0)
  first.child.kill('SIGKILL')
  await first.exited
  await allGone(pidsOf(first.told))
  assert.equal((await pop('--home', home.path, 'status')).code, 3)
  await using second = startUp(home.path)
  await second.isReady()
  second.child.kill('SIGTERM')
  assert.deepEqual(await second.exited, [0, null])
})

for (const name of ['identity', 'gateway']) {
  test(`a supervisor that is killed while ${name} starts takes all processes with it`, async () => {
    await using home = await makeHome()
    await using up = startUp(home.path)
    await up.hears(({ event, child }) => event === 'started' && child === name)
    up.child.kill('SIGKILL')
    await up.exited
    await allGone(pidsOf(up.told))
  })
}

test('pop up stops in the middle of its start when it is told to, and takes two Ctrl-C at once for one', async () => {
  await using home = await makeHome()
  await using up = startUp(home.path)
  await up.hears(({ event, child }) => event === 'started' && child === 'control')
  up.child.kill('SIGINT')
  up.child.kill('SIGINT')
  assert.deepEqual(await up.exited, [0, null])
  assert.equal(await up.errors, '')
  assert.ok(!up.told.some(({ event }) => event === 'killed' || event === 'failed'))
})

test('pop up, down, status and reset see one run for each home', async () => {
  await using home = await makeHome()
  const on = (...words: readonly string[]) => pop('--home', home.path, ...words)
  assert.equal((await on('down')).code, 3)
  assert.equal((await on('reset', '--yes')).code, 2)
  await using up = startUp(home.path)
  await up.isReady()
  const second = await on('up', '--port-base', '0')
  assert.equal(second.code, 2)
  assert.match(second.errors, /^pop: POP API runs already on the home [^\n]+\n$/)
  const reset = await on('reset', '--yes')
  assert.equal(reset.code, 2)
  assert.match(reset.errors, /runs already/)
  const status = await on('--json', 'status')
  assert.equal(status.code, 0, status.errors)
  assert.equal(JSON.parse(status.output).processes.length, names.length)
  const logs = await on('logs', 'supervisor')
  assert.match(logs.output, /"event":"ready"/)
  assert.equal((await on('logs', 'nobody')).code, 2)
  assert.equal((await on('down')).code, 0)
  assert.deepEqual(await up.exited, [0, null])
  assert.equal((await on('reset')).code, 2)
  await writeFile(join(home.path, 'pop.yaml'), developmentSettings)
  assert.equal((await on('reset', '--yes')).code, 0)
  assert.deepEqual(await readdir(home.path), ['pop.yaml'])
})

test('pop dev users shows who was made, and pop dev otp a code for them alone', async () => {
  await using home = await makeHome()
  const on = (...words: readonly string[]) => pop('--home', home.path, ...words)
  assert.equal((await on('dev', 'users')).code, 2)
  await using up = startUp(home.path)
  await up.isReady()
  const { output } = await on('--json', 'dev', 'users')
  assert.deepEqual(
    JSON.parse(output).users.map(({ username }: { readonly username: string }) => username),
    ['alice', 'bob', 'carol'],
  )
  assert.match((await on('dev', 'otp', 'alice')).output, /^\d{6}\n$/)
  const { output: password } = await on('dev', 'password', 'alice')
  assert.ok(output.includes(JSON.stringify(password.trimEnd())))
  const unknown = await on('dev', 'otp', 'eve')
  assert.equal(unknown.code, 2)
  assert.match(unknown.errors, /alice, bob, carol/)
})

test('pop up exits with 2 and says what to do where a home cannot be used', async () => {
  await using home = await makeHome()
  const file = join(home.folder, 'file')
  await writeFile(file, '')
  const open = join(home.folder, 'open')
  await mkdir(open)
  await chmod(open, 0o755)
  const foreign = join(home.folder, 'foreign')
  await mkdir(foreign, { mode: 0o700 })
  await writeFile(join(foreign, 'thesis.tex'), '')
  const cases = [
    [file, /not a folder/],
    [join(file, 'below'), /ENOTDIR/],
    [open, /mode 755.*chmod 700/],
    [foreign, /thesis\.tex/],
  ] as const
  for (const [path, words] of cases) {
    const { code, errors } = await pop('--home', path, 'up', '--port-base', '0')
    assert.equal(code, 2, path)
    assert.match(errors, words)
    assert.match(errors, /^pop: [^\n]+\n$/)
  }
  assert.deepEqual(await readdir(foreign), ['thesis.tex'])
})

test('pop up exits with 2, names each port that is taken, and has started nothing', async () => {
  await using home = await makeHome()
  await using other = createServer().listen({ host: '127.0.0.1', port: 0 })
  await once(other, 'listening')
  const { port } = other.address() as AddressInfo // listens on TCP
  await using up = startUp(home.path, ['--port-base', String(port - 2)])
  assert.deepEqual(await up.exited, [2, null])
  assert.match(await up.errors, new RegExp(`${port} \\(control\\): in use.*--port-base`))
  assert.deepEqual(up.told, [])
})

test('pop up exits with 2 for settings with faults, and tells each with its line', async () => {
  await using home = await makeHome()
  const config = join(home.folder, 'pop.yaml')
  await writeFile(config, developmentSettings.replace('require_2fa: true', 'require_2fa: maybe\n  colour: red'))
  const { code, errors } = await pop('--home', home.path, 'up', '--config', config)
  assert.equal(code, 2)
  assert.match(errors, /pop\.yaml:\d+: security_config\.require_2fa: /)
  assert.match(errors, /pop\.yaml:\d+: security_config\.colour: unknown key/)
  assert.equal((await pop('--home', home.path, 'up', '--config', join(home.folder, 'none.yaml'))).code, 2)
})

test('pop up does not start production with the embedded provider, nor beside the users of development', async () => {
  await using home = await makeHome()
  const config = join(home.folder, 'pop.yaml')
  const production = developmentSettings.replace('environment: development', 'environment: production')
  await writeFile(config, production)
  const embedded = await pop('--home', home.path, 'up', '--config', config, '--port-base', '0')
  assert.equal(embedded.code, 2)
  assert.match(embedded.errors, /embedded/)
  assert.ok(!(await readdir(home.path)).includes('dev-users.json'))
  await writeFile(config, `${production}\nidentity:\n  provider: keycloak\n  issuer: https://id.example/realms/pop\n`)
  await writeFile(join(home.path, 'dev-users.json'), '{}', { mode: 0o600 })
  const beside = await pop('--home', home.path, 'up', '--config', config, '--port-base', '0')
  assert.equal(beside.code, 2)
  assert.match(beside.errors, /dev-users\.json/)
})

test('pop up tells the last words of a process that does not start, stops the others and exits', async () => {
  await using home = await makeHome()
  await mkdir(home.path, { mode: 0o700 })
  {
    await using up = startUp(home.path)
    await up.isReady()
    up.child.kill('SIGTERM')
    await up.exited
  }
  // A state that is not a database any more.
  await writeFile(join(home.path, 'identity/state.db'), 'x'.repeat(8192))
  await using up = startUp(home.path)
  assert.deepEqual(await up.exited, [2, null])
  assert.match(
    await up.errors,
    /^pop: identity ended with code 2 before it was ready[^]*\n {2}identity: [^]*identity\.log\n$/,
  )
  await allGone(pidsOf(up.told))
  assert.equal((await pop('--home', home.path, 'status')).code, 3)
})
