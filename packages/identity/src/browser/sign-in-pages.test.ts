import assert from 'node:assert/strict'
import { hash } from 'node:crypto'
import { test } from 'node:test'
import { openBrowser, type Visited } from '@pop-api/testkit'
import { codeFlow, codeOf, fill, redeem } from '../testing/code-flow.ts'
import { paths, startWorld, type IdentityWorld } from '../testing/identity-world.ts'
import { totpCode } from '../totp.ts'

const { begin, codeFor } = codeFlow(openBrowser)

/** A page without what differs from one sign-in to the next. */
function sameOf({ status, text }: Visited): string {
  return `${status} ${text.replace(/name="csrf" value="[^"]*"/, '').replace(/name="username" value="[^"]*"/, '')}`
}

function secretIn({ text }: Visited): string {
  const shown = /<code id="secret">([A-Z2-7 ]+)<\/code>/.exec(text)?.[1]
  assert.ok(shown !== undefined, text)
  return shown.replaceAll(' ', '')
}

async function failAtPages(pop: IdentityWorld, username: string, times: number): Promise<void> {
  const { browser, page } = await begin(pop)
  let at = page
  for (let count = 0; count < times; count += 1) {
    at = await browser.submit(at, { ...fill(pop, username), password: 'wrong' })
    assert.equal(at.status, 400)
  }
}

test('every page has a policy that lets nothing in from elsewhere, and no script', async () => {
  await using pop = await startWorld({}, ['carol'])
  const { browser, page } = await begin(pop)
  const refused = await browser.submit(page, { username: 'bob', password: 'wrong', totp: '1' })
  const enrolment = await browser.submit(refused, fill(pop, 'carol'))
  const lost = await openBrowser(pop.identity.issuer, pop.ca).open(`${pop.identity.issuer}/login-actions/authenticate`)
  const unknown = (await begin(pop, { client_id: 'nobody' })).page
  const device = await browser.open(`${pop.identity.issuer}/device`)
  const out = await browser.open(pop.identity.issuer + paths.logout)
  for (const shown of [page, refused, enrolment, lost, unknown, device, out]) {
    const { headers, text } = shown
    const [, style = ''] = /<style>(.*?)<\/style>/s.exec(text) ?? []
    const policy = String(headers['content-security-policy'])
    assert.match(policy, /^default-src 'none'; style-src 'sha256-[^']+'; form-action 'self'/)
    assert.ok(policy.includes(`'sha256-${hash('sha256', style, 'base64')}'`), shown.url.href)
    assert.match(policy, /frame-ancestors 'none'; base-uri 'none'$/)
    assert.equal(headers['x-frame-options'], 'DENY')
    assert.equal(headers['x-content-type-options'], 'nosniff')
    assert.equal(headers['cache-control'], 'no-store')
    assert.equal(headers['content-type'], 'text/html; charset=utf-8')
    assert.doesNotMatch(text, /<script|\bon\w+=|style=|https?:\/\/(?!localhost)/i, shown.url.href)
    assert.match(text, /^<!doctype html>\n<html lang="en">/)
    for (const [, id] of text.matchAll(/<input id="([^"]+)"/g)) assert.ok(text.includes(`<label for="${id}">`))
  }
  assert.match(String(page.headers['content-security-policy']), /form-action 'self' http:\/\/127\.0\.0\.1:50123;/)
})

test('every cookie is for this host and this site alone, and no script reads it', async () => {
  await using pop = await startWorld()
  const { browser } = await codeFor(pop, 'bob')
  assert.ok(browser.received.length >= 3)
  for (const field of browser.received) {
    assert.match(field, /^__(Host|Secure)-pop-/)
    assert.match(field, /; samesite=strict; secure; httponly/i)
    assert.doesNotMatch(field, /domain=/i)
  }
  assert.deepEqual([...browser.cookies.keys()], ['__Host-pop-sign-in', '__Host-pop-provider'])
})

test('a form that was not made for this browser signs nobody in', async () => {
  await using pop = await startWorld()
  const { browser, page } = await begin(pop)
  const other = await begin(pop)
  const form = fill(pop, 'bob')
  const forged: readonly (readonly [string, Promise<Visited>])[] = [
    ['no token', browser.submit(page, form, { without: ['csrf'] })],
    ['an empty token', browser.submit(page, { ...form, csrf: '' })],
    ['a token of another sign-in', browser.submit(page, { ...form, csrf: other.page.form?.fields.get('csrf') ?? '' })],
    ['another origin', browser.submit(page, form, { headers: { origin: 'https://evil.example' } })],
    ['a hidden origin', browser.submit(page, form, { headers: { origin: 'null' } })],
    ['no cookie', openBrowser(pop.identity.issuer, pop.ca).submit(page, form)],
    ['the cookie of another browser', other.browser.submit(page, form)],
  ]
  for (const [name, sent] of forged) {
    const answer = await sent
    assert.deepEqual([answer.status, answer.hasLeft, answer.form], [400, false, undefined], name)
    assert.match(answer.text, /begin again there/, name)
  }
  // None of them was a try: the code is still good.
  assert.ok(codeOf(await browser.submit(page, form)))
})

test('a session that somebody planted is not the one that a sign-in begins', async () => {
  await using pop = await startWorld()
  const attacker = await codeFor(pop, 'alice')
  const planted = attacker.browser.cookies.get('__Host-pop-provider') ?? assert.fail()
  const { browser, page } = await begin(pop)
  const cookie = `__Host-pop-provider=${planted}; ${[...browser.cookies].map((pair) => pair.join('=')).join('; ')}`
  const back = await browser.submit(page, fill(pop, 'bob'), { headers: { cookie } })
  codeOf(back)
  const begun = browser.cookies.get('__Host-pop-provider')
  assert.ok(begun !== undefined && begun !== planted)
  const shown = await attacker.browser.open(pop.identity.issuer + paths.logout)
  assert.match(shown.text, /signed in as alice/)
})

test('a sign-in outlives a restart, and ends after a quarter of an hour', async () => {
  await using pop = await startWorld()
  const kept = await begin(pop)
  const late = await begin(pop)
  await pop.restart({ listen: { host: '127.0.0.1', port: pop.identity.port } })
  assert.ok(codeOf(await kept.browser.submit(kept.page, fill(pop, 'bob'))))
  pop.clock.ms += 15 * 60_000
  const over = await late.browser.submit(late.page, fill(pop, 'alice'))
  assert.equal(over.status, 400)
  assert.match(over.text, /has ended/)
})

test('the way back from a sign-in works in its own browser, once', async () => {
  await using pop = await startWorld()
  const { browser, page } = await begin(pop)
  const back = await browser.submit(page, fill(pop, 'bob'))
  codeOf(back)
  const uid = browser.cookies.get('__Host-pop-sign-in') ?? assert.fail()
  const resume = `${pop.identity.issuer}/protocol/openid-connect/auth/${uid}`
  for (const visitor of [browser, openBrowser(pop.identity.issuer, pop.ca)]) {
    const again = await visitor.open(resume)
    assert.deepEqual([again.status, again.hasLeft], [400, false])
    assert.match(again.text, /This sign-in has ended/)
  }
  const form = await browser.submit(page, fill(pop, 'bob'))
  assert.deepEqual([form.status, form.hasLeft], [400, false])
})

test('all refusals look alike: unknown name, wrong password, wrong, missing and used code, locked account', async () => {
  await using pop = await startWorld()
  const used = pop.code('carol')
  await codeFor(pop, 'carol')
  await failAtPages(pop, 'alice', 5)
  const { browser, page } = await begin(pop)
  const { password } = pop.user('bob')
  const tries: readonly Readonly<Record<string, string>>[] = [
    { username: 'nobody', password, totp: '123456' },
    { username: '__proto__', password, totp: '123456' },
    { username: 'bob', password: 'wrong', totp: pop.code('bob') },
    { username: 'bob', password: '', totp: pop.code('bob') },
    { username: 'bob', password, totp: '000000' },
    { username: 'bob', password, totp: 'abc' },
    { username: 'bob', password, totp: '' },
    { ...fill(pop, 'carol'), totp: used },
    fill(pop, 'alice'),
    { username: 'reporter', password, totp: '123456' },
  ]
  const pages: Visited[] = []
  for (const tried of tries) pages.push(await browser.submit(page, tried))
  assert.equal(new Set(pages.map(sameOf)).size, 1)
  assert.equal(pages[0]?.status, 400)
  assert.match(pages[0]?.text ?? '', /role="alert"/)
})

test('what was typed comes back as text and nothing else', async () => {
  await using pop = await startWorld()
  const { browser, page } = await begin(pop)
  const name = `"><script>alert(1)</script>'&`
  const shown = await browser.submit(page, { username: name, password: 'hunter2-hunter2', totp: '123456' })
  assert.doesNotMatch(shown.text, /<script|hunter2|123456/)
  assert.equal(shown.form?.fields.get('username'), name)
})

test('failures at the pages lock the password grant, and the reverse', async () => {
  await using pop = await startWorld()
  const refusal = { error: 'invalid_grant', error_description: 'Invalid user credentials' }
  const grant = (username: string, changed: Readonly<Record<string, string>> = {}) => {
    return pop.token({ grant_type: 'password', ...fill(pop, username), ...changed })
  }
  await failAtPages(pop, 'bob', 4)
  assert.deepEqual((await grant('bob', { password: 'wrong' })).json, refusal)
  assert.deepEqual((await grant('bob')).json, refusal)
  for (let count = 0; count < 4; count += 1) await grant('alice', { password: 'wrong' })
  await failAtPages(pop, 'alice', 1)
  const { browser, page } = await begin(pop)
  assert.equal((await browser.submit(page, fill(pop, 'alice'))).status, 400)
  assert.equal(pop.refusals.filter((refusal) => refusal.endsWith(' locked-now')).length, 2)
  pop.clock.ms += 300_000
  const later = await begin(pop)
  assert.ok(codeOf(await later.browser.submit(later.page, fill(pop, 'alice'))))
  assert.equal((await grant('bob')).status, 200)
})

test('of 50 uses of one code at the same time, half of them at the pages, one signs in', async () => {
  await using pop = await startWorld({ max_failed_attempts: 1000 })
  const visits = await Promise.all(Array.from({ length: 25 }, () => begin(pop)))
  const form = fill(pop, 'bob')
  const [pages, grants] = await Promise.all([
    Promise.all(visits.map(({ browser, page }) => browser.submit(page, form))),
    Promise.all(visits.map(() => pop.token({ grant_type: 'password', ...form }))),
  ])
  const signedIn = pages.filter(({ hasLeft }) => hasLeft).length + grants.filter(({ status }) => status === 200).length
  assert.equal(signedIn, 1)
  assert.deepEqual(pop.failures, [])
})

test('Cancel goes back to the application with access_denied', async () => {
  await using pop = await startWorld()
  const { browser, page, state } = await begin(pop)
  const { url, hasLeft } = await browser.submit(page, { cancel: 'yes' })
  assert.equal(hasLeft, true)
  assert.equal(url.searchParams.get('error'), 'access_denied')
  assert.equal(url.searchParams.get('state'), state)
})

test('the first sign-in sets up a second factor, which every later one wants', async () => {
  await using pop = await startWorld({}, ['carol'])
  const { browser, page, verifier } = await begin(pop)
  const setUp = await browser.submit(page, fill(pop, 'carol'))
  assert.deepEqual([setUp.status, setUp.hasLeft], [200, false])
  const secret = secretIn(setUp)
  const uri = /<code id="uri">([^<]+)<\/code>/.exec(setUp.text)?.[1]?.replaceAll('&amp;', '&')
  const parameters = `secret=${secret}&issuer=POP%20API&algorithm=SHA1&digits=6&period=30`
  assert.equal(uri, `otpauth://totp/POP%20API:carol?${parameters}`)
  assert.match(setUp.text, /<svg viewBox="0 0 \d+ \d+" role="img" aria-label="[^"]+"/)
  const wrong = await browser.submit(setUp, { totp: totpCode(secret, pop.clock.ms + 3_600_000) })
  assert.deepEqual([wrong.status, secretIn(wrong)], [400, secret])
  // Nothing is kept before a code has shown that the secret arrived.
  assert.deepEqual((await browser.submit(page, fill(pop, 'carol'))).status, 200)
  const renewed = await browser.open(`${pop.identity.issuer}/login-actions/required-action`)
  assert.notEqual(secretIn(renewed), secret)
  const held = secretIn(renewed)
  const shown = totpCode(held, pop.clock.ms)
  const code = codeOf(await browser.submit(renewed, { totp: `${shown.slice(0, 3)} ${shown.slice(3)}` }))
  const token = await redeem(pop, { verifier }, code)
  assert.equal(token.status, 200, token.text)
  assert.deepEqual(pop.enrolments, ['carol'])
  await pop.restart()
  const { password } = pop.user('carol')
  const grant = (totp: string) => pop.token({ grant_type: 'password', username: 'carol', password, totp })
  assert.equal((await grant(shown)).status, 400)
  pop.clock.ms += 30_000
  assert.equal((await grant(totpCode(held, pop.clock.ms))).status, 200)
  const second = await begin(pop)
  const withoutCode = await second.browser.submit(second.page, { username: 'carol', password })
  assert.equal(withoutCode.status, 400)
  assert.doesNotMatch(withoutCode.text, /otpauth/)
})

test('a second factor is set up by nobody who has not shown the password, and once', async () => {
  await using pop = await startWorld({}, ['carol'])
  const first = await begin(pop)
  const direct = await first.browser.open(`${pop.identity.issuer}/login-actions/required-action`)
  assert.deepEqual([direct.status, direct.form], [400, undefined])
  const refused = await first.browser.submit(first.page, { ...fill(pop, 'carol'), password: 'wrong' })
  assert.doesNotMatch(refused.text, /otpauth/)
  const second = await begin(pop)
  const [one, other] = [
    await first.browser.submit(first.page, fill(pop, 'carol')),
    await second.browser.submit(second.page, fill(pop, 'carol')),
  ]
  assert.notEqual(secretIn(one), secretIn(other))
  const theirs = await second.browser.submit(
    { ...one, form: one.form },
    { totp: totpCode(secretIn(one), pop.clock.ms) },
  )
  assert.equal(theirs.status, 400)
  codeOf(await first.browser.submit(one, { totp: totpCode(secretIn(one), pop.clock.ms) }))
  pop.clock.ms += 30_000
  const late = await second.browser.submit(other, { totp: totpCode(secretIn(other), pop.clock.ms) })
  assert.equal(late.status, 409)
  assert.match(late.text, /was set up for this user meanwhile/)
})

test('wrong codes at the set-up lock the account like any other', async () => {
  await using pop = await startWorld({ max_failed_attempts: 3 }, ['carol'])
  const { browser, page } = await begin(pop)
  const setUp = await browser.submit(page, fill(pop, 'carol'))
  const secret = secretIn(setUp)
  for (let count = 0; count < 3; count += 1) {
    assert.equal((await browser.submit(setUp, { totp: '000000' })).status, 400)
  }
  assert.equal((await browser.submit(setUp, { totp: totpCode(secret, pop.clock.ms) })).status, 400)
  assert.equal((await browser.submit(page, fill(pop, 'carol'))).status, 400)
  assert.deepEqual(pop.enrolments, [])
})

test('the password grant refuses a user without a second factor, with or without a code, as everybody else', async () => {
  await using pop = await startWorld({}, ['carol'])
  const { password } = pop.user('carol')
  const form = { grant_type: 'password', username: 'carol', password }
  const refusal = { error: 'invalid_grant', error_description: 'Invalid user credentials' }
  assert.deepEqual((await pop.token(form)).json, refusal)
  assert.deepEqual((await pop.token({ ...form, totp: '123456' })).json, refusal)
})

test('the end-session page asks, and ends what was begun in this browser', async () => {
  await using pop = await startWorld()
  const begun = await codeFor(pop, 'bob')
  const { json } = await redeem(pop, begun, begun.code)
  const refreshed = () =>
    pop.call(paths.token, {
      grant_type: 'refresh_token',
      client_id: 'pop-cli',
      refresh_token: String(json['refresh_token']),
    })
  pop.clock.ms += 30_000
  const elsewhere = await codeFor(pop, 'bob')
  const other = (await redeem(pop, elsewhere, elsewhere.code)).json
  const page = await begun.browser.open(pop.identity.issuer + paths.logout)
  assert.match(page.text, /signed in as bob/)
  const forged = await begun.browser.submit(page, { logout: 'yes', xsrf: 'x' })
  assert.equal(forged.status, 400)
  const out = await begun.browser.submit(page, { logout: 'yes' })
  assert.equal(out.status, 200)
  assert.match(out.text, /<h1>Signed out<\/h1>/)
  assert.equal((await refreshed()).json['error'], 'invalid_grant')
  assert.equal(begun.browser.cookies.has('__Host-pop-provider'), false)
  assert.match((await begun.browser.open(pop.identity.issuer + paths.logout)).text, /Nobody is signed in/)
  const again = { grant_type: 'refresh_token', client_id: 'pop-cli', refresh_token: String(other['refresh_token']) }
  assert.equal((await pop.call(paths.token, again)).status, 200)
})

test('the end-session page leads to no address that an application has not registered', async () => {
  await using pop = await startWorld()
  const { browser } = await codeFor(pop, 'bob')
  for (const query of ['?client_id=pop-cli', '']) {
    const url = `${pop.identity.issuer}${paths.logout}${query}${query === '' ? '?' : '&'}post_logout_redirect_uri=https://evil.example`
    const page = await browser.open(url)
    if (page.status === 400) continue
    const out = await browser.submit(page, { logout: 'yes' })
    assert.equal(out.hasLeft, false)
    assert.match(out.text, /Signed out/)
  }
})
