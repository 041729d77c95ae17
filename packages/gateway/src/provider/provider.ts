import {
  genericGrantRequest,
  initiateDeviceAuthorization,
  tokenIntrospection,
  tokenRevocation,
  type Configuration,
  type DeviceAuthorizationResponse,
} from 'openid-client'
import { isCount, PopError, type JsonObject } from '@pop-api/protocol'
import type { ClientCredentials } from '../serve/oauth/client.ts'
import { authenticateAs } from './authenticate-client.ts'
import { connectOnce, wayOf, type Connection, type ProviderOptions, type Way } from './connect.ts'
import { endSession, type EndedSession } from './end-session.ts'
import { failureOfCode, providerFailure } from './failure.ts'

/** What a sign-in gave. */
export interface Grant {
  readonly accessToken: string
  readonly refreshToken: string | undefined
  /** Seconds. */
  readonly expiresIn: number
  readonly scope: string | undefined
  /** RFC 8693 section 2.2.1; of a token exchange alone. */
  readonly issuedTokenType: string | undefined
}

/** What a device shows to its person (RFC 8628 section 3.2). */
interface DeviceAuthorization {
  readonly deviceCode: string
  readonly userCode: string
  /** The provider's own pages. */
  readonly verificationUri: string
  readonly verificationUriComplete: string | undefined
  /** Seconds. */
  readonly expiresIn: number
  /** Least seconds between two questions. */
  readonly interval: number
}

/**
 * The identity provider as the gateway's own confidential client sees it. Every call throws `identity-unavailable` where the
 * provider does not answer or answers nonsense.
 */
export interface Provider extends AsyncDisposable {
  readonly issuer: string
  /** The gateway's own. */
  readonly clientId: string
  /**
   * Throws `sign-in-refused`, `client-refused`, `grant-unsupported` or `oauth-request-invalid` as the provider says; of a device
   * code also `authorization-pending`, `polling-too-fast`, `sign-in-cancelled` and `device-code-expired`.
   */
  readonly grant: (
    type: string,
    parameters: Readonly<Record<string, string>>,
    client: ClientCredentials | undefined,
  ) => Promise<Grant>
  /** RFC 8628. Throws `client-refused`, `grant-unsupported` or `oauth-request-invalid` as the provider says. */
  readonly authorizeDevice: (
    parameters: Readonly<Record<string, string>>,
    client: ClientCredentials,
  ) => Promise<DeviceAuthorization>
  /** Ends the session of a refresh token; gives which where that can be known. Throws `sign-in-refused` for a token of no session. */
  readonly endSession: (refreshToken: string, client: ClientCredentials | undefined) => Promise<EndedSession>
  /** RFC 7009. Throws `oauth-request-invalid` for a token of another client. */
  readonly revoke: (token: string, client: ClientCredentials | undefined) => Promise<void>
  /**
   * RFC 7662, as the client that the settings say: what the provider says of an active token, and undefined of any other. That it
   * cannot be asked, for whatever reason, is never the fault of the token. `asked` by a stranger at an endpoint, it holds up nobody else.
   */
  readonly introspect: (token: string, asked?: 'tokens' | 'strangers') => Promise<JsonObject | undefined>
  /** RFC 7662 as that client: what the provider tells it, and undefined of a token that is not active. Throws as `authorizeDevice`. */
  readonly introspectAs: (
    token: string,
    typeHint: string | undefined,
    client: ClientCredentials,
  ) => Promise<JsonObject | undefined>
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
    purpose: 'signIn' | 'strangers' = 'signIn',
  ): Promise<T> {
    try {
      return await question(configurationFor(client, (await connected())[purpose]))
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
    authorizeDevice: (parameters, client) =>
      ask(client, async (configuration) =>
        readDeviceAuthorization(await initiateDeviceAuthorization(configuration, { ...parameters })),
      ),
    endSession: async (refreshToken, client) => {
      const asked = client === undefined ? 'own' : 'named'
      try {
        const connection = await connected()
        const own = { kind: 'secret', id: options.clientId, secret: connection.clientSecret } as const
        return await endSession(connection, client ?? own, refreshToken, asked)
      } catch (error) {
        throw providerFailure(error, asked)
      }
    },
    revoke: (token, client) => ask(client, (configuration) => tokenRevocation(configuration, token)),
    introspect: async (token, asked = 'tokens') => {
      try {
        const connection = await connected()
        const asker = { kind: 'secret', id: options.introspectionClient, secret: connection.clientSecret } as const
        const configuration = configurationFor(asker, connection[asked])
        const answer = await tokenIntrospection(configuration, token, { token_type_hint: 'access_token' })
        return answer.active ? answer : undefined
      } catch (error) {
        throw failureOfCode(undefined, 'own', error)
      }
    },
    introspectAs: (token, typeHint, client) =>
      ask(
        client,
        async (configuration) => {
          const hint = typeHint === undefined ? {} : { token_type_hint: typeHint }
          const answer = await tokenIntrospection(configuration, token, hint)
          return answer.active ? answer : undefined
        },
        'strangers',
      ),
    keys: async () => fetchKeys(await connected()),
    [Symbol.asyncDispose]: () => connected[Symbol.asyncDispose](),
  }
}

function configurationFor(client: ClientCredentials | undefined, way: Way): Configuration {
  if (client === undefined) return way.configuration
  return wayOf(way, way.ask, client.id, authenticateAs(client)).configuration
}

async function fetchKeys({ keys: { configuration, ask } }: Connection): Promise<unknown> {
  const { jwks_uri: uri } = configuration.serverMetadata()
  if (uri === undefined) throw new TypeError('The provider names no jwks_uri.')
  const asked = { method: 'GET', headers: { accept: 'application/json' }, body: null, redirect: 'manual' } as const
  const answer = await ask(uri, asked)
  if (answer.status !== 200) throw new TypeError(`The keys of the provider came with status ${answer.status}.`)
  return answer.json()
}

function readGrant(answer: JsonObject): Grant {
  const { access_token: accessToken, refresh_token: refreshToken, expires_in: expiresIn, scope } = answer
  const { issued_token_type: issuedTokenType } = answer
  if (typeof accessToken !== 'string' || !isCount(expiresIn))
    throw new PopError('identity-unavailable', 'The identity provider answered without a token.')
  return {
    accessToken,
    expiresIn,
    refreshToken: typeof refreshToken === 'string' ? refreshToken : undefined,
    scope: typeof scope === 'string' ? scope : undefined,
    issuedTokenType: typeof issuedTokenType === 'string' ? issuedTokenType : undefined,
  }
}

/** RFC 8628 section 3.2: without an interval it is five seconds. */
const intervalUnlessTold = 5

function readDeviceAuthorization(answer: DeviceAuthorizationResponse): DeviceAuthorization {
  const { device_code: deviceCode, user_code: userCode, expires_in: expiresIn } = answer
  const { verification_uri: verificationUri, verification_uri_complete: complete, interval } = answer
  return {
    deviceCode,
    userCode,
    verificationUri,
    verificationUriComplete: complete,
    expiresIn,
    interval: interval ?? intervalUnlessTold,
  }
}
