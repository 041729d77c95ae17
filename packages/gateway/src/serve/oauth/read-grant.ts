import { PopError } from '@pop-api/protocol'
import type { Notes } from '../operation.ts'
import { clientRefused, requireConfidential, type ClientCredentials } from './client.ts'
import { requireParameter } from './form.ts'
import { SignInRefused } from './sign-in-refused.ts'

export const grantTypes = {
  deviceCode: 'urn:ietf:params:oauth:grant-type:device_code',
  tokenExchange: 'urn:ietf:params:oauth:grant-type:token-exchange',
} as const

const accessTokenType = 'urn:ietf:params:oauth:token-type:access_token'

/** What the settings say about grants. */
export interface GrantRules {
  readonly requireSecondFactor: () => boolean
  readonly allowPasswordGrant: () => boolean
}

/** A request for a token, as far as it can be read without the provider. */
interface Asked {
  readonly form: ReadonlyMap<string, string>
  readonly client: ClientCredentials | undefined
  readonly notes: Notes
  readonly rules: GrantRules
}

/** Parameters that are passed on to the provider, beside `grant_type` and those of the client. */
type Parameters = Readonly<Record<string, string>>

const readers: ReadonlyMap<string, (asked: Asked) => Parameters> = new Map([
  ['password', readPassword],
  ['client_credentials', readClientCredentials],
  ['refresh_token', readRefresh],
  ['authorization_code', readCode],
  [grantTypes.deviceCode, readDeviceCode],
  [grantTypes.tokenExchange, readTokenExchange],
])

/**
 * The parameters of a grant; nothing else of the form reaches the provider. Throws `grant-unsupported`, `oauth-request-invalid`,
 * `client-refused`, and `sign-in-refused` for a password without the code that is required.
 */
export function readGrant(type: string, asked: Asked): Parameters {
  const read = readers.get(type)
  if (read === undefined) throw new PopError('grant-unsupported', 'The grant type is not one of those offered.')
  const scope = asked.form.get('scope')
  return { ...read(asked), ...(scope === undefined ? {} : { scope }) }
}

function readPassword({ form, notes, rules }: Asked): Parameters {
  if (!rules.allowPasswordGrant())
    throw new PopError('grant-unsupported', 'Passwords are not taken here: sign in with a browser or a device code.')
  const username = (notes.account = requireParameter(form, 'username'))
  const password = requireParameter(form, 'password')
  const totp = form.get('totp')
  // A password without a code can lead to nothing; forwarded, it would only count as a failure against the account.
  if (rules.requireSecondFactor() && !/^[0-9]{6,8}$/.test(totp ?? '')) throw new SignInRefused('second-factor-missing')
  return { username, password, ...(totp === undefined ? {} : { totp }) }
}

function readClientCredentials({ client }: Asked): Parameters {
  requireConfidential(client)
  return {}
}

function readRefresh({ form, notes }: Asked): Parameters {
  notes.action = 'token_refresh'
  return { refresh_token: requireParameter(form, 'refresh_token') }
}

/** RFC 6749 section 4.1.3 and RFC 7636 section 4.5: the code of a named client, and never without its verifier. */
function readCode({ form, client }: Asked): Parameters {
  requireNamed(client)
  return {
    code: requireParameter(form, 'code'),
    redirect_uri: requireParameter(form, 'redirect_uri'),
    code_verifier: requireParameter(form, 'code_verifier'),
  }
}

/** RFC 8628 section 3.4; with the verifier of a challenge that the device began with. */
function readDeviceCode({ form, client }: Asked): Parameters {
  requireNamed(client)
  const verifier = form.get('code_verifier')
  const proof = verifier === undefined ? {} : { code_verifier: verifier }
  return { device_code: requireParameter(form, 'device_code'), ...proof }
}

/** RFC 8693 section 2.1, for services: a token of a user for another one that this service may use in their name. */
function readTokenExchange({ form, client, notes }: Asked): Parameters {
  notes.action = 'token_exchange'
  requireConfidential(client)
  for (const name of ['actor_token', 'actor_token_type', 'resource']) {
    if (form.has(name)) throw new PopError('oauth-request-invalid', `The parameter ${name} is not taken here.`)
  }
  const wanted = form.get('requested_token_type') ?? accessTokenType
  // Any other could not be verified here before it is handed on.
  if (wanted !== accessTokenType)
    throw new PopError('oauth-request-invalid', `Only the requested_token_type ${accessTokenType} is given.`)
  const audience = form.get('audience')
  return {
    subject_token: requireParameter(form, 'subject_token'),
    subject_token_type: requireParameter(form, 'subject_token_type'),
    requested_token_type: wanted,
    ...(audience === undefined ? {} : { audience }),
  }
}

/** The gateway's own client has no browser and no device: these grants are of clients that name themselves. */
function requireNamed(client: ClientCredentials | undefined): void {
  if (client === undefined) throw clientRefused()
}
