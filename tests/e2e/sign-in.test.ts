import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { usesLiveServers } from '@pop-api/testkit'
import { signInAttacks } from '../sign-in/attacks.ts'
import { saysWhom, signInCases } from '../sign-in/cases.ts'
import { claimsOf, startSignInWorld, type SignInWorld } from '../sign-in/world.ts'

// The table of sign-ins on the embedded provider; `npm run test:live` runs the very same on Keycloak.

let world: SignInWorld
const provider: SignInWorld['provider'] = usesLiveServers() ? 'keycloak' : 'embedded'

before(async () => {
  world = await startSignInWorld()
})

after(async () => {
  await world[Symbol.asyncDispose]()
})

/** Those of the wanted names, with their values. */
function pick(claims: Readonly<Record<string, unknown>>, wanted: object): Record<string, unknown> {
  return Object.fromEntries(Object.keys(wanted).map((name) => [name, claims[name]]))
}

test('the table has cases for every provider', () => {
  const here = signInCases.filter(({ onlyOn }) => onlyOn === undefined || onlyOn === provider)
  assert.ok(here.length >= 40, String(here.length))
  assert.ok(signInAttacks.length >= 15, String(signInAttacks.length))
})

for (const { name, onlyOn, send, expected } of signInCases) {
  if (onlyOn !== undefined && onlyOn !== provider) continue
  const outcome = expected.status === 200 ? 'signs in' : `is refused with ${expected.error}`
  test(`POST /oauth/token: ${name} ${outcome}`, async () => {
    const { answer, user } = await send(world)
    assert.equal(answer.status, expected.status, JSON.stringify(answer.body))
    assert.equal(answer.headers['cache-control'], 'no-store')
    if (expected.status !== 200) {
      assert.equal(answer.body['error'], expected.error)
      assert.equal(answer.body['access_token'], undefined)
      return
    }
    const says = { ...expected.says, ...(user === undefined ? {} : saysWhom(user)) }
    assert.deepEqual(pick(claimsOf(answer), says), says)
    assert.equal(typeof answer.body['refresh_token'], expected.refreshes ? 'string' : 'undefined')
    assert.equal(answer.body['id_token'], undefined)
    assert.equal((await world.use(String(answer.body['access_token']))).status, 200)
  })
}

for (const { name, onlyOn, run } of signInAttacks) {
  if (onlyOn === undefined || onlyOn === provider) test(name, () => run(world))
}

test('what was tried stands in the audit log, and no secret of it', async () => {
  const log = JSON.stringify(await world.audit('gateway'))
  assert.match(log, /"action":"sign_in"/)
  assert.doesNotMatch(log, /wrong-wrong-wrong|client_assertion|eyJ[\w-]{20}/)
})

test('nothing went wrong inside', () => {
  assert.deepEqual(world.failures, [])
})
