import { ClientSecretBasic, Configuration, customFetch, genericGrantRequest, tokenRevocation } from 'openid-client'
import { isCount, PopError, type JsonObject } from '@pop-api/protocol'
import type { ClientCredentials } from '../serve/oauth/client.ts'
import { connectOnce, timeoutSeconds, type Connection, type ProviderOptions } from './connect.ts'
import { endSession } from './end-session.ts'
import { providerFailure } from './failure.ts'

/** What a sign-in gave. */
export interface Grant {
  readonly accessToken: string
  readonly refreshToken: string | undefined
  /** Seconds. */
  readonly expiresIn: number
  readonly scope: string | undefined
}

/**
 * The identity provider as the gateway's own confidential client sees it. Every call throws `identity-unavailable` where the
 * provider does not answer or answers nonsense.
 */
export interface Provider extends AsyncDisposable {
  readonly issuer: string
  /** The gateway's own. */
  readonly clientId: string
  /** Throws `sign-in-refused`, `client-refused`, `grant-unsupported` or `oauth-request-invalid` as the provider says. */
  readonly grant: (
    type: string,
    parameters: Readonly<Record<string, string>>,
    client: ClientCredentials | undefined,
  ) => Promise<Grant>
  /** Ends the session of a refresh token; gives its id where that can be known. Throws `sign-in-refused` for a token of no session. */
  readonly endSession: (refreshToken: string, client: ClientCredentials | undefined) => Promise<string | undefined>
  /** RFC 7009. Throws `oauth-request-invalid` for a token of another client. */
  readonly revoke: (token: string, client: ClientCredentials | undefined) => Promise<void>
  /** The JWKS document. */
  readonly keys: () => Promise<unknown>
}

/** Makes the client of a provider. Nothing is asked before the first call. */
export function connectProvider(options: ProviderOptions): Provider {
  const connected = connectOnce(options)
  /** Asks as the named client, or as the gateway's own, and says what a failure means to whoever is waiting for it. */
  async function ask<T>(
    client: ClientCredentials | undefined,
    question: (configuration: Configuration) => Promise<T>,
  ): Promise<T> {
    try {
      return await question(configurationFor(client, await connected()))
    } catch (error) {
      throw providerFailure(error, client === undefined ? 'own' : 'named')
    }
  }
  return {
    issuer: options.issuer,
    clientId: options.clientId,
    grant: (type, parameters, client) =>
      ask(client, async (configuration) =>
        readGrant(await genericGrantRequest(configuration, type, { ...parameters })),
      ),
    endSession: async (refreshToken, client) => {
      const asked = client === undefined ? 'own' : 'named'
      try {
        const connection = await connected()
        const own = { id: options.clientId, secret: connection.clientSecret }
        return await endSession(connection, client ?? own, refreshToken, asked)
      } catch (error) {
        throw providerFailure(error, asked)
      }
    },
    revoke: (token, client) => ask(client, (configuration) => tokenRevocation(configuration, token)),
    keys: async () => fetchKeys(await connected()),
    [Symbol.asyncDispose]: () => connected[Symbol.asyncDispose](),
  }
}

function configurationFor(client: ClientCredentials | undefined, { configuration, ask }: Connection): Configuration {
  if (client === undefined) return configuration
  const other = new Configuration(configuration.serverMetadata(), client.id, {}, ClientSecretBasic(client.secret))
  other[customFetch] = ask
  other.timeout = timeoutSeconds
  return other
}

async function fetchKeys({ configuration, ask }: Connection): Promise<unknown> {
  const { jwks_uri: uri } = configuration.serverMetadata()
  if (uri === undefined) throw new TypeError('The provider names no jwks_uri.')
  const asked = { method: 'GET', headers: { accept: 'application/json' }, body: null, redirect: 'manual' } as const
  const answer = await ask(uri, asked)
  if (answer.status !== 200) throw new TypeError(`The keys of the provider came with status ${answer.status}.`)
  return answer.json()
}

function readGrant(answer: JsonObject): Grant {
  const { access_token: accessToken, refresh_token: refreshToken, expires_in: expiresIn, scope } = answer
  if (typeof accessToken !== 'string' || !isCount(expiresIn))
    throw new PopError('identity-unavailable', 'The identity provider answered without a token.')
  return {
    accessToken,
    expiresIn,
    refreshToken: typeof refreshToken === 'string' ? refreshToken : undefined,
    scope: typeof scope === 'string' ? scope : undefined,
  }
}
