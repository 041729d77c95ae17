import assert from 'node:assert/strict'
import { test } from 'node:test'
import { startWorld } from '../testing/identity-world.ts'
import { limitVisits } from './begun-visits.ts'

test('limitVisits() gives each address its share and everybody no more than there is room for, until they have ended', () => {
  let nowMs = 60_000
  const visits = limitVisits(() => nowMs, { lifeMs: 60_000, most: 5, share: 2 })
  const begin = (address: string, times: number): void => {
    for (let count = 0; count < times; count += 1) visits.begin(address)
  }
  begin('a', 2)
  nowMs += 20_000
  assert.throws(() => visits.begin('a'), {
    code: 'rate-limited',
    headers: { 'retry-after': '40' },
    message: /from your address: wait 1 min/,
  })
  begin('b', 2)
  begin('c', 1)
  assert.throws(() => visits.begin('d'), { code: 'rate-limited', message: /begun here/ })
  nowMs += 40_000
  begin('a', 2)
})

test('the provider begins no sign-in beyond the share of an address and says so, to a person by a page, and goes on with what was begun', async () => {
  await using pop = await startWorld()
  const authorization = '/protocol/openid-connect/auth'
  // Those of an unknown application count too, and are the quickest.
  const visit = () => pop.call(`${authorization}?client_id=nobody`)
  while ((await visit()).status !== 429);
  for (const path of [authorization, '/device', '/protocol/openid-connect/logout']) {
    const refused = await pop.call(path)
    assert.equal(refused.status, 429)
    assert.match(String(refused.headers['retry-after']), /^\d+$/)
    assert.match(String(refused.headers['content-type']), /^text\/html/)
    assert.match(refused.text, /Too many sign-ins were begun from your address/)
  }
  // Codes of devices are counted by themselves: a gateway asks for them in the name of everybody.
  const device = () => pop.call(`${authorization}/device`, { client_id: 'nobody', scope: 'openid' })
  assert.equal((await device()).json['error'], 'invalid_client')
  while ((await device()).status !== 429);
  assert.equal((await device()).json['error'], 'temporarily_unavailable')
  assert.equal((await pop.signIn('alice'))['token_type'], 'Bearer')
  pop.clock.ms += 15 * 60_000
  assert.notEqual((await visit()).status, 429)
})

test('what a browser is given before anybody has signed in ends as a sign-in does', async () => {
  await using pop = await startWorld()
  const { headers } = await pop.call('/device')
  const [cookie = ''] = [headers['set-cookie']].flat().filter((one) => one?.startsWith('__Host-pop-provider='))
  const seconds = (Date.parse(/expires=([^;]+)/i.exec(cookie)?.[1] ?? '') - Date.now()) / 1000
  assert.ok(seconds > 800 && seconds < 1000, cookie)
})
