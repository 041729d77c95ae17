import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { setTimeout as pause } from 'node:timers/promises'
import { totpCode } from '@pop-api/identity'
import { defineModule } from '@pop-api/module'
import type { ManifestDocument } from '@pop-api/protocol'
import { developmentSettings } from '@pop-api/settings'
import { startPop, type Pop, type TestModule } from '@pop-api/testkit'
import { begin, byBrowser, codeBrought, passPages, redeem, refresh, type Begun } from '../../sign-in/ways.ts'
import { claimsIn, pagesOf, personOf } from './at-keycloak.ts'

// RFC 9470: an operation that wants a sign-in of late says so, and the sign-in that the challenge asks for is enough.

/** As short as a slow machine allows: a sign-in takes a second or two of it. */
const maxAge = 10

const safe: ManifestDocument = {
  openapi: '3.1.0',
  info: { title: 'safe', version: '1' },
  'x-pop-module': { name: 'safe', base: '/v1/safe', permissions: ['safe.open'] },
  paths: {
    '/door': {
      get: {
        operationId: 'door',
        summary: 'opens to who has just signed in',
        'x-pop-requires': { role: 'create_resource', module: 'safe.open', max_age: maxAge },
      },
    },
  },
}
const safeModule: TestModule = {
  name: 'safe',
  manifest: safe,
  open: () => ({
    definition: defineModule({
      manifest: safe,
      handlers: { door: () => ({ status: 200, body: { open: true } }) },
      exists: () => false,
    }),
    [Symbol.dispose]: () => undefined,
  }),
}

let pop: Pop

before(async () => {
  pop = await startPop({
    modules: [safeModule],
    settings: `${developmentSettings}\ngrants:\n  user: [safe.open]\n`,
    users: ['ann', 'ben', 'cid'].map((username) => ({ username, roles: ['user'] })),
  })
})

after(async () => {
  await pop[Symbol.asyncDispose]()
})

const openDoor = (token: unknown) => pop.call(String(token), 'GET', '/v1/safe/door')

/** The parameters of a challenge, as a client reads them. */
function challengeOf({ headers }: Awaited<ReturnType<typeof openDoor>>): Readonly<Record<string, string>> {
  const field = String(headers['www-authenticate'])
  return Object.fromEntries(
    [...field.matchAll(/([a-z_]+)="([^"]*)"/g)].map(([, name = '', value = '']) => [name, value]),
  )
}

/** Sees the refusal and its challenge; gives what that asks of the next sign-in. */
async function isTooOld(token: unknown): Promise<Readonly<Record<string, string>>> {
  const answer = await openDoor(token)
  assert.deepEqual([answer.status, answer.body['code']], [401, 'authentication-too-old'], JSON.stringify(answer.body))
  const { realm: _ours, ...challenge } = challengeOf(answer)
  assert.deepEqual(challenge, {
    error: 'insufficient_user_authentication',
    acr_values: 'pop-mfa',
    max_age: String(maxAge),
  })
  const { error: _what, ...wanted } = challenge
  return wanted
}

/** A code of the next half minute, which Keycloak takes too: the present one is used. */
function nextCode(name: string): Readonly<Record<string, string>> {
  return { otp: totpCode(personOf(pop, name).secret ?? '', Date.now() + 30_000) }
}

/** Goes on in the browser of an earlier sign-in with what another one was to begin with. */
async function inBrowserOf({ browser }: Begun, wanted: Readonly<Record<string, string>>): Promise<Begun> {
  const begun = await begin(pagesOf(pop), wanted)
  return { ...begun, browser, page: await browser.open(begun.page.url) }
}

test('an operation with max_age asks for a sign-in of late, and the one that the challenge describes opens it', async () => {
  const world = pagesOf(pop)
  const begun = await begin(world)
  const { end } = await passPages(begun.browser, begun.page, personOf(pop, 'ann'))
  const first = await redeem(world, begun, codeBrought(end))
  assert.equal((await openDoor(first.body['access_token'])).status, 200)
  await pause((maxAge + 1) * 1000)
  const wanted = await isTooOld(first.body['access_token'])

  // Without a word of it the browser is signed in still, and so is whoever renews: neither is a new sign-in.
  const silent = await inBrowserOf(begun, {})
  assert.equal(silent.page.hasLeft, true)
  await isTooOld((await redeem(world, silent, codeBrought(silent.page))).body['access_token'])
  const renewed = await refresh(world, first, 'pop-cli')
  assert.equal(renewed.status, 200, JSON.stringify(renewed.body))
  await isTooOld(renewed.body['access_token'])

  const again = await inBrowserOf(begun, wanted)
  assert.equal(again.page.hasLeft, false)
  const proved = await passPages(again.browser, again.page, personOf(pop, 'ann'), nextCode('ann'))
  const second = await redeem(world, again, codeBrought(proved.end))
  const token = second.body['access_token']
  assert.equal((await openDoor(token)).status, 200, JSON.stringify(second.body))
  const { auth_time: signedIn, acr } = claimsIn(token)
  assert.ok(Number(signedIn) > Number(claimsIn(first.body['access_token'])['auth_time']) + maxAge)
  assert.equal(acr, 'pop-mfa')
})

test('the moment of the sign-in counts too where the word of Keycloak does instead of the signature', async () => {
  const { body } = await byBrowser(pagesOf(pop), personOf(pop, 'ben'))
  const verifyBy = (verify: 'jwt' | 'introspect') =>
    pop.changeSettings((now) => ({ ...now, identity: { ...now.identity, verify } }))
  await verifyBy('introspect')
  assert.equal((await openDoor(body['access_token'])).status, 200)
  await pause((maxAge + 1) * 1000)
  await isTooOld(body['access_token'])
  await verifyBy('jwt')
})

test('a token of the password grant does not say when its user signed in, and is told to sign in', async () => {
  const { body } = await pop.signIn('cid')
  assert.equal(claimsIn(body['access_token'])['auth_time'], undefined)
  await isTooOld(body['access_token'])
})

test('a service client has no sign-in, so the operation is none for it', async () => {
  const [client] = pop.users.clients
  const { client_id = '', client_secret = '' } = client ?? {}
  const { apply, request } = pop.keycloak()
  await apply({ services: request().services.map((service) => ({ ...service, roles: ['user'] })) })
  const { body } = await pop.form('/oauth/token', { grant_type: 'client_credentials', client_id, client_secret })
  await isTooOld(body['access_token'])
})
