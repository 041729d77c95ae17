import assert from 'node:assert/strict'
import { test } from 'node:test'
import { openBrowser } from '@pop-api/testkit'
import { fill } from '../testing/code-flow.ts'
import { claimsOf, startWorld, textOf, type IdentityWorld } from '../testing/identity-world.ts'

const deviceGrant = 'urn:ietf:params:oauth:grant-type:device_code'

function ask(pop: IdentityWorld, form: Readonly<Record<string, string>> = {}) {
  return pop.call('/protocol/openid-connect/auth/device', { client_id: 'pop-cli', scope: 'openid', ...form })
}

function poll(pop: IdentityWorld, deviceCode: string, form: Readonly<Record<string, string>> = {}) {
  return pop.call('/protocol/openid-connect/token', {
    grant_type: deviceGrant,
    client_id: 'pop-cli',
    device_code: deviceCode,
    ...form,
  })
}

test('a device gets its token once a person has seen the code there and signed in', async () => {
  await using pop = await startWorld()
  const asked = await ask(pop)
  assert.equal(asked.status, 200, asked.text)
  const deviceCode = textOf(asked.json, 'device_code')
  const userCode = textOf(asked.json, 'user_code')
  assert.match(userCode, /^[B-Z]{4}-[B-Z]{4}$/)
  assert.equal(asked.json['verification_uri'], `${pop.identity.issuer}/device`)
  assert.equal(asked.json['expires_in'], 600)
  assert.equal((await poll(pop, deviceCode)).json['error'], 'authorization_pending')
  const browser = openBrowser(pop.identity.issuer, pop.ca)
  const typed = await browser.open(textOf(asked.json, 'verification_uri_complete'))
  assert.equal(typed.form?.fields.get('user_code'), userCode)
  const confirm = await browser.submit(typed, {})
  assert.match(confirm.text, new RegExp(`<code class="code">${userCode}</code>`))
  const signIn = await browser.submit(confirm, { confirm: 'yes' })
  assert.match(signIn.text, /<h1>Sign in<\/h1>/)
  assert.equal((await poll(pop, deviceCode)).json['error'], 'authorization_pending')
  const done = await browser.submit(signIn, fill(pop, 'bob'))
  assert.match(done.text, /Your device is signed in/)
  const token = await poll(pop, deviceCode)
  assert.equal(token.status, 200, token.text)
  const { preferred_username: name, azp, acr, amr, sid } = claimsOf(token.json['access_token'])
  assert.deepEqual({ name, azp, acr, amr }, { name: 'bob', azp: 'pop-cli', acr: 'pop-mfa', amr: ['pwd', 'otp'] })
  assert.equal(typeof sid, 'string')
  assert.equal((await poll(pop, deviceCode)).json['error'], 'invalid_grant')
  const refresh = {
    grant_type: 'refresh_token',
    client_id: 'pop-cli',
    refresh_token: textOf(token.json, 'refresh_token'),
  }
  assert.equal((await pop.call('/protocol/openid-connect/token', refresh)).json['error'], 'invalid_grant')
  assert.deepEqual(pop.failures, [])
})

test('a person may refuse a device, and cancel the sign-in', async () => {
  await using pop = await startWorld()
  for (const cancels of [false, true]) {
    const asked = (await ask(pop)).json
    const browser = openBrowser(pop.identity.issuer, pop.ca)
    const confirm = await browser.submit(await browser.open(textOf(asked, 'verification_uri_complete')), {})
    if (cancels) await browser.submit(await browser.submit(confirm, { confirm: 'yes' }), { cancel: 'yes' })
    else assert.match((await browser.submit(confirm, { abort: 'yes' })).text, /was refused/)
    assert.equal((await poll(pop, textOf(asked, 'device_code'))).json['error'], 'access_denied')
  }
  assert.deepEqual(pop.failures, [])
})

test('a code that waits for nobody is refused, whatever is wrong with it, and a form without its token as well', async () => {
  await using pop = await startWorld()
  const asked = (await ask(pop)).json
  const browser = openBrowser(pop.identity.issuer, pop.ca)
  const page = await browser.open(`${pop.identity.issuer}/device`)
  const unknown = await browser.submit(page, { user_code: 'BBBB-BBBB' })
  assert.match(unknown.text, /not one that waits for you/)
  const forged = await browser.submit(unknown, { user_code: textOf(asked, 'user_code'), xsrf: 'x', confirm: 'yes' })
  assert.doesNotMatch(forged.text, /<h1>Sign in<\/h1>/)
  pop.clock.ms += 600_000
  const fresh = await browser.open(`${pop.identity.issuer}/device`)
  const over = await browser.submit(fresh, { user_code: textOf(asked, 'user_code') })
  assert.match(over.text, /not one that waits for you/)
})

test('a device code is of its client alone, and only a client that may asks for one', async () => {
  await using pop = await startWorld()
  const asked = (await ask(pop)).json
  const { client_id, client_secret } = pop.client()
  const stolen = await poll(pop, textOf(asked, 'device_code'), { client_id, client_secret })
  assert.ok(stolen.status >= 400)
  for (const form of [{ client_id: 'nobody' }, { client_id, client_secret }]) {
    const answer = await ask(pop, form)
    assert.ok(answer.status === 400 || answer.status === 401, answer.text)
    assert.equal(answer.json['device_code'], undefined)
  }
})
