import assert from 'node:assert/strict'
import { copyFile, mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { test } from 'node:test'
import { aroundPop } from '../commands/try-pop.ts'
import { answerJson, standInGateway } from '../commands/stand-in-gateway.ts'

test('pop takes the gateway of the run in its home, and its CA', async () => {
  await using around = await aroundPop()
  await using gateway = await standInGateway(around.folder, (_seen, response) => answerJson(response, 200, {}))
  const home = join(around.folder, 'home')
  await mkdir(home, { mode: 0o700 })
  const urls = { gateway: gateway.origin, operations: 'x', control: 'x', admin: 'x', issuer: 'x', ca: gateway.ca }
  const run = { version: 1, supervisor: { pid: 1 }, processes: {}, modules: {}, ...urls }
  await writeFile(join(home, 'run.json'), JSON.stringify(run), { mode: 0o600 })
  const untrusted = await around.pop(['call', 'GET', '/x', '--anonymous'])
  assert.equal(untrusted.code, 3)
  assert.match(untrusted.stderr, /its certificate does not come from the authorities that this machine trusts\. Give/)
  await copyFile(gateway.ca, join(home, 'ca.pem'))
  const trusted = await around.pop(['call', 'GET', '/x', '--anonymous'])
  assert.deepEqual(trusted, { code: 0, stdout: '{}', stderr: '' })
})

test('pop says that there is no home where nothing else leads to a gateway', async () => {
  await using around = await aroundPop()
  const call = ['call', 'GET', '/x', '--anonymous']
  const none = await around.pop(call)
  assert.equal(none.code, 2)
  assert.match(none.stderr, /^pop: no home was found: there is no folder .+home\. Start one with `pop up`, give/)
  assert.equal((await around.pop([...call, '--gateway', 'https://localhost:9'])).code, 3)
})

test('pop refuses a server that has a certificate of somebody else, or for another name', async () => {
  await using around = await aroundPop()
  await using gateway = await standInGateway(around.folder, (_seen, response) => answerJson(response, 200, {}))
  const address = gateway.origin.replace('localhost', '127.0.0.1')
  const call = ['call', 'GET', '/x', '--anonymous', '--ca', gateway.ca, '--gateway']
  const other = await around.pop([...call, address])
  assert.equal(other.code, 3)
  assert.match(other.stderr, /its certificate is for another name/)
  assert.equal((await around.pop([...call, gateway.origin])).code, 0)
})

test('--gateway and --ca refuse what they cannot be', async () => {
  await using around = await aroundPop()
  const junk = join(around.folder, 'junk.pem')
  await writeFile(junk, 'no certificate')
  const cases: readonly (readonly [readonly string[], RegExp])[] = [
    [['--gateway', 'http://localhost:1'], /must be https/],
    [['--gateway', 'https://localhost:1/v1'], /without a path/],
    [['--gateway', 'https://a:b@localhost:1'], /must be https/],
    [['--gateway', 'localhost'], /it is localhost/],
    [['--ca', junk], /holds no PEM certificate/],
    [['--ca', join(around.folder, 'none.pem')], /there is no file/],
  ]
  for (const [options, message] of cases) {
    const { code, stderr } = await around.pop(['call', 'GET', '/x', '--anonymous', ...options])
    assert.equal(code, 2, stderr)
    assert.match(stderr, message)
  }
})

test('pop says that nobody answers, and what to do', async () => {
  await using around = await aroundPop()
  const { code, stderr } = await around.pop(['call', 'GET', '/x', '--anonymous', '--gateway', 'https://localhost:9'])
  assert.equal(code, 3)
  assert.match(
    stderr,
    /^pop: nobody answers as the gateway at https:\/\/localhost:9: the connection was refused\. Start/,
  )
})

test('pop says that the outcome of a change is unknown when the answer did not come', async () => {
  await using around = await aroundPop()
  await using gateway = await standInGateway(around.folder, (_seen, response) => void response.destroy())
  const call = (method: string) => around.pop(['call', method, '/x', '--anonymous', ...gateway.options])
  const post = await call('POST')
  assert.equal(post.code, 3)
  assert.match(post.stderr, /unknown: read before you try again/)
  assert.doesNotMatch((await call('GET')).stderr, /unknown/)
})
