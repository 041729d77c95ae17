import assert from 'node:assert/strict'
import { openBrowser, type ClientAnswer, type Visited } from '@pop-api/testkit'
import { begin, byBrowser, byPassword, codeBrought, passPages, redeem, refresh } from './ways.ts'
import { claimsOf, codeOf, type SignInWorld } from './world.ts'

/** What somebody tries, and what must hold after it. */
export interface SignInAttack {
  readonly name: string
  readonly onlyOn?: SignInWorld['provider']
  readonly run: (world: SignInWorld) => Promise<void>
}

async function isDead(world: SignInWorld, answer: ClientAnswer, clientId: string): Promise<void> {
  assert.equal((await refresh(world, answer, clientId)).body['error'], 'invalid_grant')
}

/** What a person reads on a page. */
function visible({ text }: Visited, name: string): string {
  const words = text.replace(/<(style|script)\b.*?<\/\1>/gis, '').replace(/<[^>]*>/g, ' ')
  return words.replaceAll(name, 'NAME').replace(/\s+/g, ' ').trim()
}

async function failAtPages(world: SignInWorld, username: string, times: number): Promise<void> {
  for (let count = 0; count < times; count += 1) {
    const { browser, page } = await begin(world)
    const wrong = { id: '', username, password: 'wrong-wrong-wrong', secret: undefined }
    const { end } = await passPages(browser, page, wrong, { totp: '000000' })
    assert.equal(end.hasLeft, false)
  }
}

const codes: readonly SignInAttack[] = [
  {
    name: 'a code of the attacker, brought to the client of a victim, gives nothing',
    run: async (world) => {
      const [victim, attacker] = [await begin(world), await begin(world)]
      const { end } = await passPages(attacker.browser, attacker.page, world.takeUser())
      const answer = await redeem(world, victim, codeBrought(end))
      assert.deepEqual([answer.status, answer.body['error']], [400, 'invalid_grant'])
      assert.notEqual(end.url.searchParams.get('state'), victim.state)
    },
  },
  {
    name: 'a code that is used twice ends the session that it began',
    run: async (world) => {
      const begun = await begin(world)
      const code = codeBrought((await passPages(begun.browser, begun.page, world.takeUser())).end)
      const first = await redeem(world, begun, code)
      assert.equal(first.status, 200, JSON.stringify(first.body))
      const second = await redeem(world, begun, code)
      assert.deepEqual([second.status, second.body['error']], [400, 'invalid_grant'])
      await isDead(world, first, 'pop-cli')
    },
  },
  {
    name: 'what a code or a refresh token that is used twice has given is refused by this gateway at once',
    // Keycloak does not say at the token endpoint which session it has ended.
    onlyOn: 'embedded',
    run: async (world) => {
      const begun = await begin(world)
      const code = codeBrought((await passPages(begun.browser, begun.page, world.takeUser())).end)
      const first = await redeem(world, begun, code)
      const replay = await redeem(world, begun, code)
      const signedIn = await byPassword(world, world.takeUser())
      const refreshed = await refresh(world, signedIn, '')
      await refresh(world, signedIn, '')
      for (const { body } of [first, signedIn, refreshed]) {
        assert.equal((await world.use(String(body['access_token']))).body['code'], 'token-revoked')
      }
      const [event] = await world.audit('gateway', { request_id: String(replay.headers['x-request-id']) })
      assert.deepEqual([event?.status, event?.session], ['refused', claimsOf(first)['sid']])
    },
  },
  {
    name: 'of 50 uses of one code at the same time one is taken at most, and its session ends',
    run: async (world) => {
      const begun = await begin(world)
      const code = codeBrought((await passPages(begun.browser, begun.page, world.takeUser())).end)
      const answers = await Promise.all(Array.from({ length: 50 }, () => redeem(world, begun, code)))
      const taken = answers.filter(({ status }) => status === 200)
      assert.ok(taken.length <= 1, String(taken.length))
      for (const answer of answers) if (answer.status !== 200) assert.equal(answer.body['error'], 'invalid_grant')
      for (const answer of taken) await isDead(world, answer, 'pop-cli')
    },
  },
  {
    name: 'PKCE cannot be left out, made plain or made short',
    run: async (world) => {
      const cases = [
        { code_challenge: undefined, code_challenge_method: undefined },
        { code_challenge_method: 'plain' },
        { code_challenge_method: undefined },
        { code_challenge: 'short' },
      ]
      for (const changed of cases) {
        const { page, state } = await begin(world, changed)
        assert.equal(page.hasLeft, true, JSON.stringify(changed))
        assert.equal(page.url.searchParams.get('error'), 'invalid_request', JSON.stringify(changed))
        assert.equal(page.url.searchParams.get('state'), state)
      }
    },
  },
  {
    name: 'a redirect address that is not of the client is led to by nobody',
    run: async (world) => {
      const bad = [
        'https://evil.example/callback',
        'http://127.0.0.1.evil.example/callback',
        'http://127.0.0.1:50321@evil.example/callback',
        'http://evil@127.0.0.1:50321/callback',
        'https://127.0.0.1:50321/callback',
        'http://127.0.0.1:50321/elsewhere',
        'http://127.0.0.1:50321/callback/../elsewhere',
        'javascript:alert(1)',
        undefined,
      ]
      for (const redirect_uri of bad) {
        const { page } = await begin(world, { redirect_uri })
        assert.deepEqual([page.hasLeft, page.status], [false, 400], String(redirect_uri))
      }
    },
  },
  {
    name: 'an answer names its state and its provider, so that it cannot be mixed up',
    run: async (world) => {
      const begun = await begin(world)
      const { end } = await passPages(begun.browser, begun.page, world.takeUser())
      assert.equal(end.url.searchParams.get('state'), begun.state)
      assert.equal(end.url.searchParams.get('iss'), world.issuer)
      assert.equal(end.url.origin + end.url.pathname, begun.redirectUri)
    },
  },
]

const pages: readonly SignInAttack[] = [
  {
    name: 'a form that another browser has, or that another site made, signs nobody in',
    run: async (world) => {
      const user = world.takeUser()
      const { page } = await begin(world)
      const stranger = openBrowser(world.issuer, world.ca)
      const { end } = await passPages(stranger, page, user)
      assert.equal(end.hasLeft && end.url.searchParams.has('code'), false)
      const own = await begin(world)
      // Keycloak has its mark in the address of the form, the embedded provider in a field.
      assert.notDeepEqual(own.page.form, page.form)
    },
  },
  {
    name: 'a page is shown in no frame of another site',
    run: async (world) => {
      const { headers } = (await begin(world)).page
      assert.match(String(headers['content-security-policy']), /frame-ancestors '(none|self)'/)
      assert.match(String(headers['x-frame-options']), /^(DENY|SAMEORIGIN)$/)
      assert.match(String(headers['cache-control']), /no-store/)
    },
  },
  {
    name: 'the pages tell nobody whether there is a user of a name',
    run: async (world) => {
      const user = world.takeUser()
      const texts: string[] = []
      for (const username of [user.username, 'nobody-of-this-name']) {
        const { browser, page } = await begin(world)
        const { end } = await passPages(browser, page, { ...user, username, secret: undefined }, { password: 'wrong' })
        assert.equal(end.hasLeft, false)
        texts.push(visible(end, username))
      }
      assert.equal(texts[0], texts[1])
    },
  },
  {
    name: 'the token endpoint tells nobody whether there is a user of a name, or what was wrong',
    run: async (world) => {
      const user = world.takeUser()
      const answers = [
        await byPassword(world, user, { password: 'wrong' }),
        await byPassword(world, user, { totp: '000000' }),
        await byPassword(world, user, { username: 'nobody-of-this-name' }),
      ]
      const same = answers.map(({ status, body: { request_id: _id, ...body } }) => JSON.stringify([status, body]))
      assert.equal(new Set(same).size, 1, same.join('\n'))
    },
  },
]

const guessing: readonly SignInAttack[] = [
  {
    name: 'failures at the pages lock the password grant',
    run: async (world) => {
      const user = world.takeUser()
      await failAtPages(world, user.username, world.failuresMax)
      await world.untilLocked(user)
      assert.equal((await byPassword(world, user)).body['error'], 'invalid_grant')
    },
  },
  {
    name: 'failures of the password grant lock the pages',
    run: async (world) => {
      const user = world.takeUser()
      for (let count = 0; count < world.failuresMax; count += 1) await byPassword(world, user, { password: 'wrong' })
      await world.untilLocked(user)
      const { browser, page } = await begin(world)
      assert.equal((await passPages(browser, page, user)).end.hasLeft, false)
    },
  },
  {
    name: 'a locked account keeps the sessions that it has',
    run: async (world) => {
      const user = world.takeUser()
      const signedIn = await byPassword(world, user)
      for (let count = 0; count < world.failuresMax; count += 1) await byPassword(world, user, { password: 'wrong' })
      await world.untilLocked(user)
      assert.equal((await world.use(String(signedIn.body['access_token']))).status, 200)
      assert.equal((await refresh(world, signedIn, '')).status, 200)
    },
  },
  {
    name: 'of 20 uses of one one-time code at the same time one signs in at most',
    run: async (world) => {
      const user = world.takeUser()
      const totp = codeOf(user)
      const answers = await Promise.all(Array.from({ length: 20 }, () => byPassword(world, user, { totp })))
      assert.ok(answers.filter(({ status }) => status === 200).length <= 1)
      for (const { status, body } of answers) if (status !== 200) assert.equal(body['error'], 'invalid_grant')
    },
  },
  {
    name: 'a one-time code that was used at the pages is used at the token endpoint by nobody',
    run: async (world) => {
      const user = world.takeUser()
      const totp = codeOf(user)
      assert.equal((await byBrowser(world, user)).status, 200)
      assert.equal((await byPassword(world, user, { totp })).body['error'], 'invalid_grant')
    },
  },
  {
    name: 'a refresh token that is used twice ends its session',
    run: async (world) => {
      const first = await byBrowser(world, world.takeUser())
      const second = await refresh(world, first, 'pop-cli')
      assert.equal(second.status, 200, JSON.stringify(second.body))
      await isDead(world, first, 'pop-cli')
      await isDead(world, second, 'pop-cli')
    },
  },
]

/** Every attack that a sign-in must withstand, whoever provides it. */
export const signInAttacks: readonly SignInAttack[] = [...codes, ...pages, ...guessing]
