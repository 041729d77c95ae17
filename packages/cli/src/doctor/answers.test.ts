import assert from 'node:assert/strict'
import { once } from 'node:events'
import { mkdir } from 'node:fs/promises'
import { createServer, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import { test } from 'node:test'
import { readKeptBulletin } from '../client/kept-bulletin.ts'
import { standInBulletin } from '../client/stand-in-bulletin.ts'
import { answerJson } from '../commands/stand-in-gateway.ts'
import { aroundPop } from '../commands/try-pop.ts'
import { checkClocks, judgeAge, judgeSkew } from './clock.ts'
import { checkGateway } from './gateway.ts'
import { checkModules } from './modules.ts'
import { checkProvider } from './provider.ts'
import { standInRun } from './stand-in-patient.ts'

/** A server that stands where a process of a run would. */
async function server(answer: (path: string, response: ServerResponse, origin: string) => void) {
  const listener = createServer((request, response) => answer(request.url ?? '', response, origin))
  listener.listen(0, '127.0.0.1')
  await once(listener, 'listening')
  const { port } = listener.address() as AddressInfo // listens on TCP
  const origin = `http://127.0.0.1:${port}`
  return { origin, [Symbol.dispose]: () => void listener.close() }
}

test('checkGateway() passes one that is ready, and tells what one lacks, or that it does not answer', async () => {
  using good = await server((_path, response) => void response.end('{}'))
  const at = (operations: string) => checkGateway({ run: standInRun({}, { operations }), roots: [] })
  assert.deepEqual(
    (await at(good.origin)).map(({ state }) => state),
    ['ok'],
  )
  using lacking = await server((path, response) => {
    if (path === '/livez') response.end('alive')
    else answerJson(response, 503, { checks: [{ name: 'modules', fault: 'none is known' }] })
  })
  const [finding] = await at(lacking.origin)
  assert.deepEqual([finding?.state, finding?.message], ['fail', 'not ready: modules: none is known'])
  using dead = await server((_path, response) => void response.destroy())
  assert.match((await at(dead.origin))[0]?.message ?? '', /does not answer/)
  assert.deepEqual(
    (await checkGateway({ run: undefined, roots: [] })).map(({ state }) => state),
    ['skip'],
  )
})

const skews: readonly (readonly [string, number, string])[] = [
  ['the same second', 10_000, 'ok'],
  ['four seconds ahead', 14_000, 'ok'],
  ['six seconds ahead', 17_000, 'fail'],
  ['four seconds behind', 6_000, 'ok'],
  ['seven seconds behind', 3_000, 'fail'],
]
for (const [name, dateMs, state] of skews) {
  test(`judgeSkew() says ${state} to a clock ${name}`, () => {
    assert.equal(judgeSkew('x', dateMs, 10_000, 10_500).state, state)
  })
}

test('judgeAge() fails for a control that was not heard for a quarter of an hour, and for one of the future', () => {
  const states = [1_000, -4_000, -6_000, 61_000, 15 * 60_000 + 1].map((ageMs) => judgeAge(ageMs).state)
  assert.deepEqual(states, ['ok', 'ok', 'fail', 'warn', 'fail'])
})

test('checkClocks() reads the clock of the gateway from its answer', async () => {
  await using around = await aroundPop()
  await standInBulletin(join(around.folder, 'home'))
  const bulletin = await readKeptBulletin(join(around.folder, 'home'))
  const at = async (date: string) => {
    using found = await server((_path, response) => void response.setHeader('date', date).end())
    const run = standInRun({}, { operations: found.origin })
    return (await checkClocks({ run, roots: [], bulletin, remote: undefined, nowMs: Date.now })).map(
      ({ state }) => state,
    )
  }
  assert.deepEqual(await at(new Date().toUTCString()), ['ok', 'ok'])
  assert.deepEqual(await at(new Date(Date.now() + 60_000).toUTCString()), ['fail', 'ok'])
  assert.deepEqual(await at('no date'), ['skip', 'ok'])
  const none = await checkClocks({
    run: standInRun({}),
    roots: [],
    bulletin: undefined,
    remote: undefined,
    nowMs: Date.now,
  })
  assert.deepEqual(
    none.map(({ state }) => state),
    ['skip', 'fail'],
  )
})

const issuerRoots = () => Promise.resolve([])
type Answer = (path: string, response: ServerResponse, origin: string) => void
const realm = '/realms/pop'
const provider =
  (change: object, keys: unknown = { keys: [{ kid: 'k' }] }): Answer =>
  (path, response, origin) => {
    if (path === '/keys') answerJson(response, 200, keys)
    else answerJson(response, 200, { issuer: origin + realm, jwks_uri: `${origin}/keys`, ...change })
  }
const providers: readonly (readonly [string, Answer, string, RegExp])[] = [
  ['a provider with keys', provider({}), 'ok', /has one key/],
  ['a provider that calls itself otherwise', provider({ issuer: 'https://evil.example' }), 'fail', /calls itself/],
  ['a provider without keys', provider({}, { keys: [] }), 'fail', /no token can be verified/],
  ['a provider that names no place of its keys', provider({ jwks_uri: 7 }), 'fail', /names no jwks_uri/],
  ['a provider that answers 500', (_path, response) => answerJson(response, 500, {}), 'fail', /answered 500/],
  ['a provider that answers no JSON', (_path, response) => void response.end('<html>'), 'fail', /something else than/],
]
for (const [name, answer, state, message] of providers) {
  test(`checkProvider() says ${state} to ${name}`, async () => {
    using found = await server(answer)
    const run = standInRun({ identity: { pid: 1, starts: 1, ready: true } }, { issuer: found.origin + realm })
    const finding = await checkProvider({ run, settings: undefined, issuerRoots })
    assert.equal(finding.state, state)
    assert.match(finding.message, message)
  })
}

test('checkProvider() says that the realm is not there yet, and how the provider calls itself', async () => {
  using none = await server((_path, response) => answerJson(response, 404, { error: 'Realm does not exist' }))
  using other = await server(provider({ issuer: 'https://id.example/realms/pop' }))
  const at = (origin: string, processes: object = {}) =>
    checkProvider({ run: standInRun({ ...processes }, { issuer: origin + realm }), settings: undefined, issuerRoots })
  // Its own words are for https alone, as issuers are.
  assert.match((await at(none.origin)).message, /answered 404/)
  const otherwise = await at(other.origin)
  assert.equal(
    otherwise.message,
    `the provider calls itself https://id.example/realms/pop, pop.yaml says ${other.origin}/realms/pop: its tokens are refused`,
  )
  assert.match(otherwise.remedy ?? '', /^Set identity\.issuer to what it calls itself/)
})

test('checkProvider() fails where nobody answers, and skips an embedded one that does not run', async () => {
  const away = await checkProvider({ run: standInRun({}), settings: undefined, issuerRoots })
  assert.equal(away.state, 'fail')
  assert.equal((await checkProvider({ run: undefined, settings: undefined, issuerRoots })).state, 'skip')
})

test('checkModules() tells whether a module listens, is approved, and is where the gateway looks for it', async () => {
  await using around = await aroundPop()
  const home = join(around.folder, 'home')
  await mkdir(home, { mode: 0o700 })
  using module = await server((_path, response) => void response.end())
  const check = async (modules: Readonly<Record<string, string>>, address: string) => {
    await standInBulletin(home, { address })
    const findings = await checkModules({ run: standInRun({}, { modules }), bulletin: await readKeptBulletin(home) })
    return findings.map(({ state, message }) => `${state} ${message}`).join('\n')
  }
  assert.match(await check({ notes: module.origin }, module.origin), /^ok notes listens at .+, approved, 2 operations$/)
  assert.match(
    await check({ notes: module.origin }, 'https://127.0.0.1:1'),
    /^fail notes listens, but the gateway has no instance/,
  )
  assert.match(await check({ other: module.origin }, module.origin), /^fail other listens, but is not approved/)
  assert.match(
    await check({ notes: 'http://127.0.0.1:1' }, module.origin),
    /^fail notes does not listen .+ECONNREFUSED/,
  )
})
