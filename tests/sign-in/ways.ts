import { hash, randomBytes, randomUUID, sign } from 'node:crypto'
import { totpCode } from '@pop-api/identity'
import { exchange, openBrowser, type Browser, type ClientAnswer, type Visited } from '@pop-api/testkit'
import { codeOf, type SignInUser, type SignInWorld } from './world.ts'

type Form = Readonly<Record<string, string>>

export const grants = {
  device: 'urn:ietf:params:oauth:grant-type:device_code',
  exchange: 'urn:ietf:params:oauth:grant-type:token-exchange',
  accessToken: 'urn:ietf:params:oauth:token-type:access_token',
} as const

/** `POST /oauth/token`. */
export function token(world: SignInWorld, form: Form): Promise<ClientAnswer> {
  return world.form('/oauth/token', form)
}

/** The password grant with the present code, or with parameters changed; an empty one is left out. */
export function byPassword(world: SignInWorld, user: SignInUser, changed: Form = {}): Promise<ClientAnswer> {
  const { username, password, secret } = user
  const totp = secret === undefined ? '' : codeOf(user)
  return token(world, { grant_type: 'password', username, password, totp, ...changed })
}

/** The authorization endpoint of the provider, as its own document says it. */
async function authorizationEndpoint(world: SignInWorld): Promise<string> {
  const page = await openBrowser(world.issuer, world.ca).open(`${world.issuer}/.well-known/openid-configuration`, {
    accept: 'application/json',
  })
  const document: unknown = JSON.parse(page.text)
  const endpoint = typeof document === 'object' && document !== null && Reflect.get(document, 'authorization_endpoint')
  if (typeof endpoint !== 'string') throw new Error(`${world.issuer} names no authorization_endpoint`)
  return endpoint
}

/** A sign-in in a browser that has begun. */
export interface Begun {
  readonly browser: Browser
  readonly verifier: string
  readonly state: string
  readonly redirectUri: string
  readonly page: Visited
}

/** Opens the pages as the command line does, with parameters changed, or left out where undefined. */
export async function begin(
  world: SignInWorld,
  changed: Readonly<Record<string, string | undefined>> = {},
): Promise<Begun> {
  const browser = openBrowser(world.issuer, world.ca)
  const [verifier, state] = [randomSecret(), randomSecret()]
  const redirectUri = 'http://127.0.0.1:50321/callback'
  const parameters = {
    client_id: 'pop-cli',
    response_type: 'code',
    redirect_uri: redirectUri,
    scope: 'openid',
    state,
    code_challenge: hash('sha256', verifier, 'base64url'),
    code_challenge_method: 'S256',
    ...changed,
  }
  const query = new URLSearchParams()
  for (const [name, value] of Object.entries(parameters)) if (value !== undefined) query.set(name, value)
  const page = await browser.open(`${await authorizationEndpoint(world)}?${query.toString()}`)
  return { browser, verifier, state, redirectUri, page }
}

/**
 * Goes through the pages of a sign-in, however many the provider makes of it, by the names of their fields; `secret` is what a
 * newcomer was shown at the set-up. Ends where the browser leaves, or where a page refuses.
 */
export async function passPages(
  browser: Browser,
  from: Visited,
  user: SignInUser,
  changed: Form = {},
): Promise<{ readonly end: Visited; readonly secret: string | undefined }> {
  let page = from
  let secret = user.secret
  for (let step = 0; step < 6 && page.form !== undefined && page.status < 400; step += 1) {
    const shown = secretShown(page)
    secret ??= shown
    const code = secret === undefined ? '' : totpCode(secret, Date.now())
    const all = {
      username: user.username,
      password: user.password,
      totp: code,
      otp: code,
      userLabel: 'test',
      ...changed,
    }
    const { fields } = page.form
    const known = Object.entries(all).filter(([name]) => fields.has(name))
    const next = await browser.submit(page, Object.fromEntries(known))
    // A page that comes back asks again: that is a refusal.
    const isSame = next.form !== undefined && [...next.form.fields.keys()].join() === [...fields.keys()].join()
    page = next
    if (isSame) break
  }
  return { end: page, secret }
}

/** The secret on a page that sets up a second factor, base32. */
function secretShown({ text, form }: Visited): string | undefined {
  const shown = /id="(?:secret|kc-totp-secret-key)"[^>]*>([A-Z2-7 ]+)</.exec(text)?.[1]
  if (shown !== undefined) return shown.replaceAll(' ', '')
  // Keycloak's form has the bytes themselves, as text.
  const raw = form?.fields.get('totpSecret')
  return raw === undefined ? undefined : base32(Buffer.from(raw, 'utf8'))
}

function base32(bytes: Uint8Array): string {
  const bits = Array.from(bytes, (byte) => byte.toString(2).padStart(8, '0')).join('')
  const groups = bits.match(/.{1,5}/g) ?? []
  return groups
    .map((group) => 'ABCDEFGHIJKLMNOPQRSTUVWXYZ234567'.charAt(Number.parseInt(group.padEnd(5, '0'), 2)))
    .join('')
}

/** The code that a browser brought to the redirect address; throws where it brought none. */
export function codeBrought({ url, hasLeft, text }: Visited): string {
  const code = hasLeft ? url.searchParams.get('code') : null
  if (code === null) throw new Error(`the browser brought no code: ${url.href}\n${text}`)
  return code
}

/** A device asks, and its person signs in at the pages to which it was sent; gives what the device gets then. */
export async function byDevice(world: SignInWorld, user: SignInUser): Promise<ClientAnswer> {
  const verifier = randomBytes(32).toString('base64url')
  const code_challenge = hash('sha256', verifier, 'base64url')
  const challenge = { code_challenge, code_challenge_method: 'S256' }
  const asked = await world.form('/oauth/device_authorization', { client_id: 'pop-cli', scope: 'openid', ...challenge })
  const { device_code: deviceCode, verification_uri_complete: uri } = asked.body
  if (typeof deviceCode !== 'string' || typeof uri !== 'string') throw new Error(JSON.stringify(asked.body))
  const browser = openBrowser(world.issuer, world.ca)
  await passPages(browser, await browser.open(uri), user)
  return token(world, {
    grant_type: grants.device,
    client_id: 'pop-cli',
    device_code: deviceCode,
    code_verifier: verifier,
  })
}

/** Gives a code to the gateway as the command line does, with parameters changed; an empty one is left out. */
export function redeem(world: SignInWorld, begun: Begun, code: string, changed: Form = {}): Promise<ClientAnswer> {
  return token(world, {
    grant_type: 'authorization_code',
    client_id: 'pop-cli',
    code,
    redirect_uri: begun.redirectUri,
    code_verifier: begun.verifier,
    ...changed,
  })
}

/** The same way, with the code given to the provider itself: for a token that is not for the gateway. */
export async function atProvider(world: SignInWorld, user: SignInUser, scope: string): Promise<ClientAnswer> {
  const begun = await begin(world, { scope })
  const { end } = await passPages(begun.browser, begun.page, user)
  const { origin, pathname } = new URL(world.issuer)
  return exchange({
    method: 'POST',
    origin,
    path: `${pathname}/protocol/openid-connect/token`,
    ca: world.ca,
    headers: { 'content-type': 'application/x-www-form-urlencoded' },
    body: new URLSearchParams({
      grant_type: 'authorization_code',
      client_id: 'pop-cli',
      code: codeBrought(end),
      redirect_uri: begun.redirectUri,
      code_verifier: begun.verifier,
    }).toString(),
  })
}

/** The whole way with a browser. */
export async function byBrowser(world: SignInWorld, user: SignInUser, changed: Form = {}): Promise<ClientAnswer> {
  const begun = await begin(world, changed)
  const { end } = await passPages(begun.browser, begun.page, user)
  return redeem(world, begun, codeBrought(end))
}

/** Renews a sign-in of the command line, or of the gateway's own client where `clientId` is empty. */
export function refresh(world: SignInWorld, { body }: ClientAnswer, clientId: string): Promise<ClientAnswer> {
  const form = { grant_type: 'refresh_token', refresh_token: String(body['refresh_token']) }
  return token(world, clientId === '' ? form : { ...form, client_id: clientId })
}

/** The parameters with which the signer shows who it is, with claims changed. */
export function assertion(
  world: SignInWorld,
  changed: Readonly<Record<string, unknown>> = {},
  header: Readonly<Record<string, unknown>> = {},
): Form {
  const { id, key } = world.clients.signer
  const now = Math.floor(Date.now() / 1000)
  const claims = { iss: id, sub: id, aud: world.issuer, jti: randomUUID(), iat: now, exp: now + 60, ...changed }
  const part = (value: unknown): string => Buffer.from(JSON.stringify(value)).toString('base64url')
  const signed = `${part({ alg: 'ES256', kid: 'signer-1', ...header })}.${part(claims)}`
  const signature = sign('sha256', Buffer.from(signed), { key, dsaEncoding: 'ieee-p1363' })
  return {
    client_assertion_type: 'urn:ietf:params:oauth:client-assertion-type:jwt-bearer',
    client_assertion: `${signed}.${signature.toString('base64url')}`,
  }
}

function randomSecret(): string {
  return randomBytes(32).toString('base64url')
}
