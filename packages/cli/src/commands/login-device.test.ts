import assert from 'node:assert/strict'
import { hash } from 'node:crypto'
import type { ServerResponse } from 'node:http'
import { test } from 'node:test'
import { readSession } from '../client/session.ts'
import { answerJson, standInGateway } from './stand-in-gateway.ts'
import { aroundPop } from './try-pop.ts'

const asked = {
  device_code: 'd-1',
  user_code: 'BCDF-GHJK',
  verification_uri: 'https://id.example/device',
  expires_in: 4,
  interval: 1,
}
const granted = { access_token: 'a.b.c', token_type: 'Bearer', expires_in: 60, refresh_token: 'r-1' }

type Answer = readonly [status: number, body: object]

/** Runs `pop login --device` at a gateway that answers the questions in this order, the last one again and again. */
async function login(begun: Answer, answers: readonly Answer[]) {
  const around = await aroundPop()
  let polls = 0
  const gateway = await standInGateway(around.folder, ({ url }, response: ServerResponse) => {
    const [status, body] = url === '/oauth/token' ? (answers[polls++] ?? answers.at(-1) ?? begun) : begun
    answerJson(response, status, body)
  })
  await using _around = around
  await using _gateway = gateway
  const tried = await around.pop(['login', '--device', ...gateway.options])
  return { ...tried, seen: gateway.seen, session: await readSession(around.environment, gateway.origin) }
}

test('pop login --device asks again while nobody has signed in, and keeps what it gets', async () => {
  const { code, stderr, seen, session } = await login(
    [200, asked],
    [
      [400, { error: 'authorization_pending' }],
      [200, granted],
    ],
  )
  assert.equal(code, 0, stderr)
  assert.match(stderr, /open\n\n {2}https:\/\/id\.example\/device\n\nand type the code\n\n {2}BCDF-GHJK\n/)
  const [first, ...polls] = seen.map(({ url, body }) => [url, Object.fromEntries(new URLSearchParams(body))] as const)
  const [path, { code_challenge, ...parameters } = {}] = first ?? []
  assert.equal(path, '/oauth/device_authorization')
  assert.deepEqual(parameters, { client_id: 'pop-cli', scope: 'openid', code_challenge_method: 'S256' })
  const grant_type = 'urn:ietf:params:oauth:grant-type:device_code'
  for (const [to, { code_verifier = '', ...poll } = {}] of polls) {
    assert.equal(to, '/oauth/token')
    assert.deepEqual(poll, { grant_type, client_id: 'pop-cli', device_code: 'd-1' })
    assert.equal(hash('sha256', code_verifier, 'base64url'), code_challenge)
  }
  assert.equal(polls.length, 2)
  assert.deepEqual([session?.refreshToken, session?.clientId], ['r-1', 'pop-cli'])
})

const endings: readonly (readonly [string, Answer, readonly Answer[], RegExp])[] = [
  ['was refused', [200, asked], [[400, { error: 'access_denied' }]], /was refused on the other device/],
  ['is over', [200, asked], [[400, { error: 'expired_token' }]], /before the code ended/],
  ['never comes', [200, asked], [[400, { error: 'authorization_pending' }]], /before the code ended/],
  ['would come too late when asked less often', [200, asked], [[400, { error: 'slow_down' }]], /before the code ended/],
  ['fails', [200, asked], [[400, { error: 'invalid_grant', title: 'No' }]], /400 invalid_grant: No/],
  ['is not offered', [400, { error: 'unauthorized_client', title: 'No' }], [], /unauthorized_client/],
  ['has no code', [200, { ...asked, user_code: 7 }], [], /another shape than RFC 8628/],
  ['leads to a page without TLS', [200, { ...asked, verification_uri: 'http://x.example' }], [], /another shape/],
]
for (const [what, begun, answers, message] of endings) {
  test(`pop login --device ends with a reason when the sign-in ${what}`, async () => {
    const { code, stderr, session } = await login(begun, answers)
    assert.equal(code, 1)
    assert.match(stderr, message)
    assert.equal(session, undefined)
  })
}
