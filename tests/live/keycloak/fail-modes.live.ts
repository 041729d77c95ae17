import assert from 'node:assert/strict'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { test } from 'node:test'
import { getCACertificates, setDefaultCACertificates } from 'node:tls'
import { setTimeout as pause } from 'node:timers/promises'
import { liveServers, startPop, type ClientAnswer, type Pop } from '@pop-api/testkit'
import { kafka } from '../../kafka.ts'
import { startKeycloak } from '../servers/keycloak.ts'

const topics = '/v1/kafka/topics'

/** A system on a Keycloak of its own, which may be hurt. */
async function startWithOwnKeycloak() {
  await using stack = new AsyncDisposableStack()
  const folder = mkdtempSync(join(tmpdir(), 'pop-live-own-'))
  stack.defer(() => rmSync(folder, { recursive: true, force: true }))
  const { controlHome } = liveServers()
  const keycloak = stack.use(await startKeycloak(folder, join(dirname(controlHome), 'ca.pem')))
  const { server, ca, adminPassword, clientAuthority, group } = keycloak
  setDefaultCACertificates([...getCACertificates('default'), readFileSync(ca, 'utf8')])
  const live = { keycloak: { server, ca, adminPassword, clientAuthority, group }, controlHome }
  const pop = stack.use(await startPop({ modules: [kafka], live }))
  const owned = stack.move()
  return { pop, group, [Symbol.asyncDispose]: () => owned.disposeAsync() }
}

/** Requests with a token, one after the other, until told to stop. */
function load(pop: Pop, token: string) {
  const statuses = new Map<number, number>()
  const stop = new AbortController()
  const work = async (): Promise<void> => {
    while (!stop.signal.aborted) {
      const { status } = await pop.call(token, 'GET', topics)
      statuses.set(status, (statuses.get(status) ?? 0) + 1)
      await pause(40)
    }
  }
  const working = Array.from({ length: 4 }, work)
  return async (): Promise<ReadonlyMap<number, number>> => {
    stop.abort()
    await Promise.all(working)
    return statuses
  }
}

function ofUnknownKey(token: string): string {
  const [head = '', ...rest] = token.split('.')
  const header = { ...JSON.parse(Buffer.from(head, 'base64url').toString()), kid: 'unknown' }
  return [Buffer.from(JSON.stringify(header)).toString('base64url'), ...rest].join('.')
}

async function unavailable(answer: Promise<ClientAnswer>, what: string): Promise<void> {
  const { status, headers, body } = await answer
  assert.equal(status, 503, `${what}: ${JSON.stringify(body)}`)
  assert.equal(headers['retry-after'], '5', what)
}

/** What holds while Keycloak cannot be asked. */
async function holdsWithout(pop: Pop, token: string, refreshToken: string): Promise<void> {
  await unavailable(pop.signIn('carol'), 'sign-in')
  await unavailable(pop.form('/oauth/token', { grant_type: 'refresh_token', refresh_token: refreshToken }), 'refresh')
  await unavailable(pop.call(ofUnknownKey(token), 'GET', topics), 'a token of an unknown key')
  assert.equal((await pop.call(token, 'GET', topics)).status, 200)
}

for (const [how, signal] of [
  ['frozen', 'SIGSTOP'],
  ['killed', 'SIGKILL'],
] as const) {
  test(`with Keycloak ${how} under load those who are signed in go on, and all else is 503, never 401`, async (context) => {
    await using world = await startWithOwnKeycloak()
    const { pop, group } = world
    const { body } = await pop.signIn('bob')
    const token = String(body['access_token'])
    const ended = load(pop, token)
    await pause(500)
    process.kill(-group, signal)
    await holdsWithout(pop, token, String(body['refresh_token']))
    if (signal === 'SIGSTOP') {
      process.kill(-group, 'SIGCONT')
      let back = await pop.signIn('carol')
      for (const startedMs = performance.now(); back.status === 503 && performance.now() - startedMs < 30_000;) {
        await pause(250)
        back = await pop.signIn('carol')
      }
      assert.equal(back.status, 200, JSON.stringify(back.body))
      assert.equal((await pop.call(ofUnknownKey(token), 'GET', topics)).status, 401)
    }
    const statuses = await ended()
    context.diagnostic(JSON.stringify([...statuses]))
    assert.deepEqual([...statuses.keys()], [200])
  })
}
