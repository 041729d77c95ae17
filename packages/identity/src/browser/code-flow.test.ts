import assert from 'node:assert/strict'
import { test } from 'node:test'
import { openBrowser } from '@pop-api/testkit'
import { codeFlow, codeOf, fill, redeem, redirectUri } from '../testing/code-flow.ts'
import { claimsOf, gateway, paths, startWorld, textOf, type IdentityWorld } from '../testing/identity-world.ts'

const { begin, codeFor } = codeFlow(openBrowser)

async function isActive(pop: IdentityWorld, token: string): Promise<unknown> {
  return (await pop.call(paths.introspect, { ...gateway, token })).json['active']
}

function refresh(pop: IdentityWorld, token: string) {
  return pop.call(paths.token, { grant_type: 'refresh_token', client_id: 'pop-cli', refresh_token: token })
}

test('a code gives a token with the claims of the password grant, for the command line', async () => {
  await using pop = await startWorld()
  const password = claimsOf((await pop.signIn('alice'))['access_token'])
  pop.clock.ms += 30_000
  const begun = await begin(pop)
  const back = await begun.browser.submit(begun.page, fill(pop, 'alice'))
  assert.equal(back.url.origin + back.url.pathname, redirectUri)
  assert.equal(back.url.searchParams.get('state'), begun.state)
  assert.equal(back.url.searchParams.get('iss'), pop.identity.issuer)
  const answer = await redeem(pop, begun, codeOf(back))
  assert.equal(answer.status, 200, answer.text)
  assert.equal(answer.headers['cache-control'], 'no-store')
  const claims = claimsOf(answer.json['access_token'])
  const own = { azp: 'pop-cli', client_id: 'pop-cli', scope: 'openid' }
  const { iat, exp, jti, sid, auth_time, ...same } = claims
  const { iat: _iat, exp: _exp, jti: otherJti, sid: otherSid, auth_time: _authTime, ...others } = password
  assert.deepEqual(same, { ...others, ...own })
  assert.notEqual(sid, otherSid)
  assert.notEqual(jti, otherJti)
  assert.equal(Number(exp) - Number(iat), 3600)
  assert.equal(auth_time, Math.floor(pop.clock.ms / 1000))
  assert.deepEqual(pop.failures, [])
})

test('a refresh of the command line rotates, keeps the facts of the sign-in, and a second use ends the session', async () => {
  await using pop = await startWorld()
  const begun = await codeFor(pop, 'bob')
  const first = (await redeem(pop, begun, begun.code)).json
  await pop.restart()
  const second = await refresh(pop, textOf(first, 'refresh_token'))
  assert.equal(second.status, 200, second.text)
  const facts = (token: unknown) => {
    const { sub, sid, acr, amr, auth_time: authTime, azp } = claimsOf(token)
    return { sub, sid, acr, amr, authTime, azp }
  }
  assert.deepEqual(facts(second.json['access_token']), facts(first['access_token']))
  assert.equal((await refresh(pop, textOf(first, 'refresh_token'))).json['error'], 'invalid_grant')
  assert.equal((await refresh(pop, textOf(second.json, 'refresh_token'))).json['error'], 'invalid_grant')
  assert.equal(await isActive(pop, textOf(second.json, 'access_token')), false)
})

test('a refresh token is of its client alone', async () => {
  await using pop = await startWorld()
  const confidential = await pop.signIn('alice')
  const begun = await codeFor(pop, 'bob')
  const tokens = (await redeem(pop, begun, begun.code)).json
  assert.equal((await refresh(pop, textOf(confidential, 'refresh_token'))).json['error'], 'invalid_grant')
  const asGateway = { grant_type: 'refresh_token', refresh_token: textOf(tokens, 'refresh_token') }
  assert.equal((await pop.token(asGateway)).json['error'], 'invalid_grant')
  assert.equal((await refresh(pop, textOf(tokens, 'refresh_token'))).status, 200)
})

test('the command line cannot use grants that are not its own, nor any secret', async () => {
  await using pop = await startWorld()
  const { password } = pop.user('bob')
  const form = { client_id: 'pop-cli', username: 'bob', password, totp: pop.code('bob') }
  const asked = await pop.call(paths.token, { ...form, grant_type: 'password' })
  assert.deepEqual([asked.status, asked.json['error']], [400, 'invalid_request'])
  const service = await pop.call(paths.token, { client_id: 'pop-cli', grant_type: 'client_credentials' })
  assert.deepEqual([service.status, service.json['error']], [400, 'invalid_request'])
  const begun = await codeFor(pop, 'bob')
  assert.equal((await redeem(pop, begun, begun.code, { client_secret: 'x' })).json['error'], 'invalid_client')
})

test('a code is good once: a second use ends the session that the first began', async () => {
  await using pop = await startWorld()
  const begun = await codeFor(pop, 'bob')
  const first = await redeem(pop, begun, begun.code)
  assert.equal(first.status, 200)
  const second = await redeem(pop, begun, begun.code)
  assert.deepEqual([second.status, second.json['error']], [400, 'invalid_grant'])
  assert.equal((await refresh(pop, textOf(first.json, 'refresh_token'))).json['error'], 'invalid_grant')
  assert.equal(await isActive(pop, textOf(first.json, 'access_token')), false)
})

test('of 50 uses of one code at the same time one is taken at most, and nothing of it lives', async () => {
  await using pop = await startWorld()
  const begun = await codeFor(pop, 'bob')
  const answers = await Promise.all(Array.from({ length: 50 }, () => redeem(pop, begun, begun.code)))
  const taken = answers.filter(({ status }) => status === 200)
  assert.ok(taken.length <= 1, String(taken.length))
  for (const { status, json } of answers) if (status !== 200) assert.equal(json['error'], 'invalid_grant')
  for (const { json } of taken) {
    assert.equal((await refresh(pop, textOf(json, 'refresh_token'))).json['error'], 'invalid_grant')
    assert.equal(await isActive(pop, textOf(json, 'access_token')), false)
  }
  assert.deepEqual(pop.failures, [])
})

test('a code of somebody else is no good: other verifier, none, other redirect address, other client', async () => {
  await using pop = await startWorld()
  const cases: readonly Readonly<Record<string, string>>[] = [
    { code_verifier: 'x'.repeat(43) },
    { code_verifier: '' },
    { redirect_uri: 'http://127.0.0.1:50124/callback' },
    { redirect_uri: '' },
    { client_id: gateway.client_id, client_secret: gateway.client_secret },
    { client_id: 'pop-console' },
  ]
  const begun = await codeFor(pop, 'bob')
  for (const changed of cases) {
    const answer = await redeem(pop, begun, begun.code, changed)
    assert.ok(answer.status === 400 || answer.status === 401, `${JSON.stringify(changed)}: ${answer.text}`)
    assert.equal(answer.json['access_token'], undefined)
  }
  assert.equal((await redeem(pop, begun, begun.code)).status, 200)
})

test('a code ends after a minute', async () => {
  await using pop = await startWorld()
  const begun = await codeFor(pop, 'bob')
  pop.clock.ms += 60_000
  assert.equal((await redeem(pop, begun, begun.code)).json['error'], 'invalid_grant')
})

test('PKCE cannot be left out or made plain', async () => {
  await using pop = await startWorld()
  const cases: readonly Readonly<Record<string, string | undefined>>[] = [
    { code_challenge: undefined, code_challenge_method: undefined },
    { code_challenge_method: 'plain' },
    { code_challenge_method: undefined },
    { code_challenge: undefined },
    { code_challenge: 'short' },
    { code_challenge_method: 's256' },
  ]
  for (const changed of cases) {
    const { page, state } = await begin(pop, changed)
    assert.equal(page.hasLeft, true, JSON.stringify(changed))
    assert.equal(page.url.searchParams.get('error'), 'invalid_request', JSON.stringify(changed))
    assert.equal(page.url.searchParams.get('state'), state)
    assert.equal(page.url.searchParams.get('iss'), pop.identity.issuer)
  }
})

test('a redirect goes to a loopback address of any port, and nowhere else', async () => {
  await using pop = await startWorld()
  for (const good of ['http://127.0.0.1:1/callback', 'http://[::1]:65535/callback', 'http://127.0.0.1/callback']) {
    assert.equal((await begin(pop, { redirect_uri: good })).page.status, 200, good)
  }
  const bad = [
    'https://evil.example/callback',
    'http://evil.example/callback',
    'http://localhost:50123/callback',
    'http://127.0.0.1:50123/',
    'http://127.0.0.1:50123/callback/',
    'http://127.0.0.1:50123/callback?x=1',
    'http://127.0.0.1:50123/callback#x',
    'http://127.0.0.1:50123/CALLBACK',
    'http://127.0.0.1:50123/x/../callback',
    'http://127.0.0.1.evil.example:50123/callback',
    'http://127.0.0.1:50123@evil.example/callback',
    'http://evil@127.0.0.1:50123/callback',
    'https://127.0.0.1:50123/callback',
    'http://127.1:50123/callback',
    'http://2130706433:50123/callback',
    '//evil.example/callback',
    'javascript:alert(1)',
  ]
  for (const redirect_uri of [...bad, undefined]) {
    const { page } = await begin(pop, { redirect_uri })
    assert.deepEqual([page.hasLeft, page.status], [false, 400], String(redirect_uri))
    assert.match(page.text, /This cannot go on/)
    assert.equal(page.form, undefined)
  }
})

test('a request that no application could have meant is refused, at the application where there is one', async () => {
  await using pop = await startWorld()
  const atClient: readonly (readonly [Readonly<Record<string, string | undefined>>, string])[] = [
    [{ response_type: 'token' }, 'invalid_request'],
    [{ response_type: 'code id_token' }, 'invalid_request'],
    [{ response_type: undefined }, 'invalid_request'],
    [{ scope: 'openid admin' }, 'invalid_scope'],
    [{ scope: undefined }, 'invalid_scope'],
    [{ prompt: 'none' }, 'login_required'],
    [{ resource: 'https://elsewhere.example' }, 'invalid_target'],
    [{ request: 'e30.e30.' }, 'request_not_supported'],
  ]
  for (const [changed, error] of atClient) {
    const { page, state } = await begin(pop, changed)
    if (page.hasLeft) {
      const told = page.url.hash === '' ? page.url.searchParams : new URLSearchParams(page.url.hash.slice(1))
      assert.equal(told.get('error'), error, JSON.stringify(changed))
      assert.equal(told.get('state'), state)
    } else assert.fail(`${JSON.stringify(changed)}: ${page.text}`)
  }
  for (const changed of [
    { response_mode: 'form_post' },
    { client_id: 'nobody' },
    { client_id: gateway.client_id },
    { client_id: undefined },
  ]) {
    const { page } = await begin(pop, changed)
    assert.deepEqual([page.hasLeft, page.status], [false, 400], JSON.stringify(changed))
  }
})

test('each request of the command line asks for the sign-in anew, also in a browser that is signed in', async () => {
  await using pop = await startWorld()
  const first = await codeFor(pop, 'bob')
  pop.clock.ms += 30_000
  const again = await begin(pop, {}, first.browser)
  assert.match(again.page.text, /<h1>Sign in<\/h1>/)
  const silent = await begin(pop, { prompt: 'none' }, first.browser)
  assert.equal(silent.page.url.searchParams.get('error'), 'login_required')
})

test('somebody else who signs in in the same browser gets a session of his own, and the tokens of the first go on', async () => {
  await using pop = await startWorld()
  const first = await codeFor(pop, 'bob')
  const bob = (await redeem(pop, first, first.code)).json
  const before = first.browser.cookies.get('__Host-pop-provider')
  const second = await begin(pop, {}, first.browser)
  const code = codeOf(await second.browser.submit(second.page, fill(pop, 'alice')))
  const alice = (await redeem(pop, second, code)).json
  assert.equal(claimsOf(alice['access_token'])['preferred_username'], 'alice')
  assert.notEqual(second.browser.cookies.get('__Host-pop-provider'), before)
  assert.equal((await refresh(pop, textOf(bob, 'refresh_token'))).status, 200)
  assert.deepEqual(pop.failures, [])
})

test('a sign-in without a required second factor has one where the request asks for it', async () => {
  await using pop = await startWorld({ require_2fa: false })
  const { password } = pop.user('bob')
  const plain = await begin(pop)
  const code = codeOf(await plain.browser.submit(plain.page, { username: 'bob', password }))
  const token = claimsOf((await redeem(pop, plain, code)).json['access_token'])
  assert.equal(Object.hasOwn(token, 'acr'), false)
  assert.deepEqual(token['amr'], ['pwd'])
  const stepUp = await begin(pop, { acr_values: 'pop-mfa' })
  const refused = await stepUp.browser.submit(stepUp.page, { username: 'bob', password })
  assert.deepEqual([refused.status, refused.hasLeft], [400, false])
  const good = await stepUp.browser.submit(refused, fill(pop, 'bob'))
  assert.equal(claimsOf((await redeem(pop, stepUp, codeOf(good))).json['access_token'])['acr'], 'pop-mfa')
})

test('the command line ends its session by its refresh token, and introspects nothing', async () => {
  await using pop = await startWorld()
  const tokens = async (name: string) => {
    const begun = await codeFor(pop, name)
    return (await redeem(pop, begun, begun.code)).json
  }
  const [bob, alice] = [await tokens('bob'), await tokens('alice')]
  const own = { client_id: 'pop-cli' }
  const out = await pop.call(paths.logout, { ...own, refresh_token: textOf(bob, 'refresh_token') })
  assert.equal(out.status, 204)
  assert.equal(out.headers['pop-session'], claimsOf(bob['access_token'])['sid'])
  assert.equal((await refresh(pop, textOf(bob, 'refresh_token'))).json['error'], 'invalid_grant')
  assert.equal((await pop.call(paths.revoke, { ...own, token: textOf(alice, 'refresh_token') })).status, 200)
  assert.equal((await refresh(pop, textOf(alice, 'refresh_token'))).json['error'], 'invalid_grant')
  const asked = await pop.call(paths.introspect, { ...own, token: textOf(alice, 'access_token') })
  assert.deepEqual([asked.status, asked.json['error']], [401, 'invalid_client'])
  for (const secret of ['', 'undefined', 'x']) {
    const form = { ...own, client_secret: secret, refresh_token: textOf(bob, 'refresh_token') }
    assert.ok((await pop.call(paths.logout, form)).status >= 400, secret)
  }
  const foreign = await pop.signIn('carol')
  const stolen = await pop.call(paths.logout, { ...own, refresh_token: textOf(foreign, 'refresh_token') })
  assert.deepEqual([stolen.status, stolen.json['error']], [400, 'invalid_grant'])
})
