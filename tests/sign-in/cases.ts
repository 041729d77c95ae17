import assert from 'node:assert/strict'
import type { JsonObject } from '@pop-api/protocol'
import type { ClientAnswer } from '@pop-api/testkit'
import {
  assertion,
  atProvider,
  begin,
  byBrowser,
  byDevice,
  byPassword,
  codeBrought,
  grants,
  passPages,
  redeem,
  refresh,
  token,
} from './ways.ts'
import type { SignInUser, SignInWorld } from './world.ts'

/** What must come of a case: a token that says this, or an OAuth error with its status. */
type Expected =
  | { readonly status: 200; readonly says: JsonObject; readonly refreshes: boolean }
  | { readonly status: 400 | 401; readonly error: string }

/** A way in, and what is sent on it. */
export interface SignInCase {
  readonly name: string
  /** The one provider that has this. */
  readonly onlyOn?: SignInWorld['provider']
  /** Sends it; gives the answer of the gateway, and whom its token should be about. */
  readonly send: (world: SignInWorld) => Promise<{ readonly answer: ClientAnswer; readonly user?: SignInUser }>
  readonly expected: Expected
}

type Change = (user: SignInUser) => Readonly<Record<string, string>>

const user = { aud: 'pop-api', acr: 'pop-mfa', typ: 'Bearer' }
const asGateway: Expected = { status: 200, says: { ...user, azp: 'pop-gateway' }, refreshes: true }
const asCommandLine: Expected = { status: 200, says: { ...user, azp: 'pop-cli' }, refreshes: true }
const service = (azp: string): Expected => ({ status: 200, says: { aud: 'pop-api', azp }, refreshes: false })
const refused: Expected = { status: 400, error: 'invalid_grant' }
const invalid: Expected = { status: 400, error: 'invalid_request' }
const unsupported: Expected = { status: 400, error: 'unsupported_grant_type' }
const noClient: Expected = { status: 401, error: 'invalid_client' }

function password(name: string, change: Change, expected: Expected): SignInCase {
  return {
    name: `password ${name}`,
    send: async (world) => {
      const taken = world.takeUser()
      return { answer: await byPassword(world, taken, change(taken)), user: taken }
    },
    expected,
  }
}

function form(
  name: string,
  of: (world: SignInWorld) => Readonly<Record<string, string>>,
  expected: Expected,
): SignInCase {
  return { name, send: async (world) => ({ answer: await token(world, of(world)) }), expected }
}

const passwords: readonly SignInCase[] = [
  password('with the code', () => ({}), asGateway),
  password('that is wrong', () => ({ password: 'wrong' }), refused),
  password('without a code', () => ({ totp: '' }), refused),
  password('with a wrong code', () => ({ totp: '000000' }), refused),
  password('with a code that is none', () => ({ totp: 'abc' }), refused),
  password('of nobody', () => ({ username: 'nobody' }), refused),
  password('of nobody at all', () => ({ username: '' }), invalid),
  password('of another user', ({ username }) => ({ username: `${username}x` }), refused),
  {
    ...password('at a public client', () => ({ client_id: 'pop-cli' }), invalid),
    onlyOn: 'embedded',
  },
  {
    ...password('at a public client', () => ({ client_id: 'pop-cli' }), unsupported),
    onlyOn: 'keycloak',
  },
  {
    name: 'password of a newcomer, who has no second factor',
    send: async (world) => ({ answer: await byPassword(world, world.takeUser('newcomer'), { totp: '123456' }) }),
    expected: refused,
  },
]

const services: readonly SignInCase[] = [
  form(
    'client credentials in the form',
    ({
      clients: {
        service: { id, secret },
      },
    }) => ({
      grant_type: 'client_credentials',
      client_id: id,
      client_secret: secret,
    }),
    service('reporter'),
  ),
  form(
    'client credentials with a wrong secret',
    ({ clients }) => ({ grant_type: 'client_credentials', client_id: clients.service.id, client_secret: 'x' }),
    noClient,
  ),
  form(
    'client credentials without a secret',
    ({ clients }) => ({ grant_type: 'client_credentials', client_id: clients.service.id }),
    noClient,
  ),
  form(
    'client credentials of a client that signs, by a secret',
    ({ clients }) => ({ grant_type: 'client_credentials', client_id: clients.signer.id, client_secret: 'x' }),
    noClient,
  ),
  form('a signed assertion', (world) => ({ grant_type: 'client_credentials', ...assertion(world) }), service('signer')),
  form(
    'a signed assertion beside its client_id',
    (world) => ({ grant_type: 'client_credentials', client_id: 'signer', ...assertion(world) }),
    service('signer'),
  ),
  form(
    'a signed assertion beside the client_id of another',
    (world) => ({ grant_type: 'client_credentials', client_id: 'reporter', ...assertion(world) }),
    invalid,
  ),
  form(
    'a signed assertion and a secret',
    (world) => ({ grant_type: 'client_credentials', client_id: 'signer', client_secret: 'x', ...assertion(world) }),
    invalid,
  ),
  form(
    'an assertion for another audience',
    (world) => ({ grant_type: 'client_credentials', ...assertion(world, { aud: 'https://elsewhere.example' }) }),
    noClient,
  ),
  form(
    'an assertion that has ended',
    (world) => {
      const now = Math.floor(Date.now() / 1000)
      return { grant_type: 'client_credentials', ...assertion(world, { iat: now - 600, exp: now - 300 }) }
    },
    noClient,
  ),
  form(
    'an assertion about another client',
    (world) => ({ grant_type: 'client_credentials', ...assertion(world, { iss: 'reporter', sub: 'reporter' }) }),
    noClient,
  ),
  form(
    'an assertion with alg none',
    (world) => ({ grant_type: 'client_credentials', ...assertion(world, {}, { alg: 'none' }) }),
    noClient,
  ),
  form(
    'an assertion of another type',
    (world) => ({ grant_type: 'client_credentials', ...assertion(world), client_assertion_type: 'urn:x' }),
    invalid,
  ),
  form(
    'an assertion that is too long',
    (world) => ({ grant_type: 'client_credentials', ...assertion(world, { more: 'x'.repeat(8192) }) }),
    invalid,
  ),
  {
    name: 'an assertion that was used before',
    send: async (world) => {
      const used = { grant_type: 'client_credentials', ...assertion(world) }
      await token(world, used)
      return { answer: await token(world, used) }
    },
    expected: noClient,
  },
]

const browsers: readonly SignInCase[] = [
  {
    name: 'code with PKCE',
    send: async (world) => {
      const taken = world.takeUser()
      return { answer: await byBrowser(world, taken), user: taken }
    },
    expected: asCommandLine,
  },
  {
    name: 'code of a newcomer, who sets up a second factor on the way',
    send: async (world) => {
      const taken = world.takeUser('newcomer')
      return { answer: await byBrowser(world, taken), user: taken }
    },
    expected: asCommandLine,
  },
  {
    name: 'code with acr_values for the second factor',
    send: async (world) => {
      const taken = world.takeUser()
      return { answer: await byBrowser(world, taken, { acr_values: 'pop-mfa' }), user: taken }
    },
    expected: asCommandLine,
  },
  ...(
    [
      ['without its verifier', { code_verifier: '' }, invalid],
      ['with another verifier', { code_verifier: 'x'.repeat(43) }, refused],
      ['for another redirect address', { redirect_uri: 'http://127.0.0.1:50322/callback' }, refused],
      ['without its redirect address', { redirect_uri: '' }, invalid],
      ['that is none', { code: 'made-up' }, refused],
      ['without a client', { client_id: '' }, noClient],
    ] as const
  ).map(([name, changed, expected]): SignInCase => ({
    name: `code ${name}`,
    send: async (world) => {
      const begun = await begin(world)
      const { end } = await passPages(begun.browser, begun.page, world.takeUser())
      return { answer: await redeem(world, begun, codeBrought(end), changed) }
    },
    expected,
  })),
]

const others: readonly SignInCase[] = [
  {
    name: 'refresh of a password sign-in',
    send: async (world) => {
      const taken = world.takeUser()
      return { answer: await refresh(world, await byPassword(world, taken), ''), user: taken }
    },
    expected: asGateway,
  },
  {
    name: 'refresh of a browser sign-in',
    send: async (world) => {
      const taken = world.takeUser()
      return { answer: await refresh(world, await byBrowser(world, taken), 'pop-cli'), user: taken }
    },
    expected: asCommandLine,
  },
  {
    name: 'refresh of a password sign-in by a public client',
    send: async (world) => {
      const signedIn = await byPassword(world, world.takeUser())
      return { answer: await refresh(world, signedIn, 'pop-cli') }
    },
    expected: refused,
  },
  {
    name: 'refresh of a browser sign-in by the gateway',
    send: async (world) => ({ answer: await refresh(world, await byBrowser(world, world.takeUser()), '') }),
    expected: refused,
  },
  form('refresh with a token that is none', () => ({ grant_type: 'refresh_token', refresh_token: 'x' }), refused),
  {
    name: 'device code, once its person has signed in',
    send: async (world) => {
      const taken = world.takeUser()
      return { answer: await byDevice(world, taken), user: taken }
    },
    expected: asCommandLine,
  },
  form(
    'a device code that is none',
    () => ({ grant_type: grants.device, client_id: 'pop-cli', device_code: 'x' }),
    refused,
  ),
  form('a device code without a client', () => ({ grant_type: grants.device, device_code: 'x' }), noClient),
  form('no grant type', () => ({}), invalid),
  form('a grant type that nobody has', () => ({ grant_type: 'implicit' }), {
    status: 400,
    error: 'unsupported_grant_type',
  }),
  {
    name: 'token exchange of a token that is not for that service',
    onlyOn: 'keycloak',
    send: async (world) => {
      const { id, secret } = world.clients.exchanger
      const { body } = await byPassword(world, world.takeUser())
      const answer = await token(world, {
        grant_type: grants.exchange,
        client_id: id,
        client_secret: secret,
        subject_token: String(body['access_token']),
        subject_token_type: grants.accessToken,
      })
      return { answer }
    },
    expected: unsupported,
  },
  {
    name: 'token exchange by a service',
    onlyOn: 'keycloak',
    send: async (world) => {
      const taken = world.takeUser()
      const { id, secret } = world.clients.exchanger
      const { body } = await atProvider(world, taken, `openid for-${id}`)
      // It is for the service, so the gateway takes it from nobody.
      assert.equal((await world.use(String(body['access_token']))).status, 401)
      const answer = await token(world, {
        grant_type: grants.exchange,
        client_id: id,
        client_secret: secret,
        subject_token: String(body['access_token']),
        subject_token_type: grants.accessToken,
        requested_token_type: grants.accessToken,
      })
      return { answer, user: taken }
    },
    expected: {
      status: 200,
      says: { aud: 'pop-api', typ: 'Bearer', azp: 'exchanger', amr: ['pwd', 'otp'] },
      refreshes: false,
    },
  },
  form(
    'token exchange by a public client',
    () => ({
      grant_type: grants.exchange,
      client_id: 'pop-cli',
      subject_token: 'x',
      subject_token_type: grants.accessToken,
    }),
    noClient,
  ),
  form(
    'token exchange for a token of another kind',
    ({
      clients: {
        exchanger: { id, secret },
      },
    }) => ({
      grant_type: grants.exchange,
      client_id: id,
      client_secret: secret,
      subject_token: 'x',
      subject_token_type: grants.accessToken,
      requested_token_type: 'urn:ietf:params:oauth:token-type:refresh_token',
    }),
    invalid,
  ),
]

/** Every way in with what it must lead to. */
export const signInCases: readonly SignInCase[] = [...passwords, ...services, ...browsers, ...others]

/** Whether a token of a user is about the right one. */
export function saysWhom({ id, username }: SignInUser): JsonObject {
  return { sub: id, preferred_username: username, roles: ['user'] }
}
