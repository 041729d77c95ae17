import assert from 'node:assert/strict'
import { once } from 'node:events'
import { readFile } from 'node:fs/promises'
import { createServer, type TlsOptions } from 'node:tls'
import type { AddressInfo } from 'node:net'
import { test } from 'node:test'
import { makeCertificate, standInGateway } from '../commands/stand-in-gateway.ts'
import { aroundPop } from '../commands/try-pop.ts'
import { standInRun } from './stand-in-patient.ts'
import type { RunFile } from '../up/run-file.ts'
import { adviceOfProvider } from './tls-advice.ts'
import { checkTls, judgeTls, seeTls, type SeenTls } from './tls.ts'

const ourProvider = { identity: { pid: 1, starts: 1, ready: true } }
const patient = { roots: [], issuerRoots: () => Promise.resolve([]), remote: undefined, nowMs: Date.now }

/** A TLS listener with a certificate for `localhost` that is its own CA. */
async function listener(options: TlsOptions = {}) {
  const stack = new AsyncDisposableStack()
  const around = stack.use(await aroundPop())
  const { key, ca } = makeCertificate(around.folder)
  const root = await readFile(ca, 'utf8')
  const server = createServer({ key: await readFile(key), cert: root, minVersion: 'TLSv1.3', ...options }, (socket) => {
    socket.on('error', () => undefined)
    socket.end()
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  stack.defer(() => void server.close())
  const { port } = server.address() as AddressInfo // listens on TCP
  const origin = `https://localhost:${port}`
  /** Of the gateway and of the identity provider, which is ours unless told. */
  const states = async (roots: readonly string[] = [root], processes: RunFile['processes'] = ourProvider) => {
    const run = standInRun(processes, { gateway: origin, issuer: `${origin}/realms/pop` })
    const findings = await checkTls({ ...patient, run, roots, issuerRoots: () => Promise.resolve(roots) })
    return { states: findings.map(({ state }) => state), said: findings.map(({ message }) => message).join('\n') }
  }
  return { origin, root, port, states, [Symbol.asyncDispose]: () => stack.disposeAsync() }
}

test('checkTls() passes TLS 1.3 with a hybrid post-quantum group, and says how long the certificate holds', async () => {
  await using found = await listener()
  const { states, said } = await found.states()
  assert.deepEqual(states, ['ok', 'ok'])
  assert.match(said, /gateway https:\/\/localhost:\d+: verifies for 4[0-9] hours, TLS 1\.3 only, X25519MLKEM768/)
})

test('checkTls() fails for a certificate of another authority, and for one of another name', async () => {
  await using found = await listener()
  const { states, said } = await found.states([])
  assert.deepEqual(states, ['fail', 'fail'])
  assert.match(said, /does not verify \(DEPTH_ZERO_SELF_SIGNED_CERT\)/)
  const seen = await seeTls(`https://127.0.0.1:${found.port}`, [found.root])
  assert.ok('fault' in seen)
  assert.equal(seen.fault, 'ERR_TLS_CERT_ALTNAME_INVALID')
})

test('checkTls() fails for a listener that takes TLS 1.2 too', async () => {
  await using found = await listener({ minVersion: 'TLSv1.2' })
  const { states, said } = await found.states()
  assert.deepEqual(states, ['fail', 'fail'])
  assert.match(said, /it takes TLS 1\.2 too/)
  // Of somebody else's provider that is said, and no fault: the gateway speaks 1.3 with it.
  assert.deepEqual((await found.states([found.root], {})).states, ['fail', 'warn'])
})

test('pop doctor looks at a gateway that is named, whatever the home is', async () => {
  await using around = await aroundPop()
  await using gateway = await standInGateway(around.folder, (_seen, response) => void response.end())
  const { code, stdout } = await around.pop(['doctor', ...gateway.options])
  // The stand-in is an ordinary server: it speaks TLS 1.2 too.
  assert.equal(code, 1)
  assert.match(stdout, /^fail {2}tls +gateway https:\/\/localhost:\d+: it takes TLS 1\.2 too/m)
  assert.match(stdout, /^ok {4}clocks +the gateway and this machine agree/m)
  assert.match((await around.pop(['doctor', '--gateway', 'http://x'])).stderr, /--gateway must be https/)
})

test('checkTls() warns of a group that a quantum computer could break', async () => {
  await using found = await listener({ ecdhCurve: 'X25519' })
  const { states, said } = await found.states()
  assert.deepEqual(states, ['warn', 'warn'])
  assert.match(said, /the group is X25519, not a hybrid/)
})

test('checkTls() fails where nobody listens, and skips where nothing runs', async () => {
  const { gateway } = standInRun({})
  assert.ok('why' in (await seeTls(gateway, [])))
  const findings = await checkTls({ ...patient, run: standInRun({}) })
  assert.deepEqual(
    findings.map(({ state }) => state),
    ['fail', 'fail'],
  )
  const skipped = await checkTls({ ...patient, run: undefined })
  assert.deepEqual(
    skipped.map(({ state }) => state),
    ['skip'],
  )
})

test('judgeTls() warns before a certificate ends, and fails after', () => {
  const seen: SeenTls = {
    protocol: 'TLSv1.3',
    group: 'X25519MLKEM768',
    fault: undefined,
    endsMs: 3_600_000,
    takesOlder: false,
  }
  assert.match(judgeTls('x', seen, 0, adviceOfProvider)[0]?.message ?? '', /ends in 1 hours/)
  assert.deepEqual(
    judgeTls('x', seen, 0, adviceOfProvider).map(({ state }) => state),
    ['warn'],
  )
  assert.deepEqual(
    judgeTls('x', { ...seen, fault: 'CERT_HAS_EXPIRED' }, 3_600_001, adviceOfProvider).map(({ state }) => state),
    ['fail'],
  )
})
