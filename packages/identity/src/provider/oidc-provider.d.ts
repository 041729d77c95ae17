// The part of oidc-provider 9 that is used here; the package has no types of its own. Everything the library gives back is
// described here and nowhere else, so that no cast is needed beside it.
declare module 'oidc-provider' {
  import type { IncomingMessage, ServerResponse } from 'node:http'

  /** One stored object; its members depend on the model. */
  export type AdapterPayload = Readonly<Record<string, unknown>> & {
    readonly grantId?: string
    readonly uid?: string
    readonly userCode?: string
  }

  export interface Adapter {
    upsert(id: string, payload: AdapterPayload, expiresInSeconds?: number): Promise<void>
    find(id: string): Promise<AdapterPayload | undefined>
    findByUid(uid: string): Promise<AdapterPayload | undefined>
    findByUserCode(userCode: string): Promise<AdapterPayload | undefined>
    destroy(id: string): Promise<void>
    consume(id: string): Promise<void>
    revokeByGrantId(grantId: string): Promise<void>
  }

  export interface Client {
    readonly clientId: string
    readonly clientName?: string
    /** `none` of a public client. */
    readonly clientAuthMethod: string
    compareClientSecret(actual: string): boolean | Promise<boolean>
  }

  interface Stored {
    readonly jti: string
    readonly exp: number
    readonly remainingTTL: number
    save(): Promise<string>
  }

  export interface Grant extends Stored {
    readonly accountId: string
    readonly clientId: string
    addOIDCScope(scope: string): void
    addResourceScope(resource: string, scope: string): void
  }

  export interface AccessToken extends Stored {
    readonly kind: 'AccessToken'
    readonly accountId: string
    readonly clientId: string
    readonly grantId: string
    readonly expiration: number
    readonly scope: string
    resourceServer: ResourceServer
  }

  export interface AuthorizationCode extends Stored, SignInFacts {}

  export interface DeviceCode extends Stored, SignInFacts {}

  /** The session of a browser. Its `uid` stays the same when its cookie gets another value. */
  export interface Session {
    readonly uid: string
    readonly accountId?: string
    /** Once a form was made: what it must bring back. */
    readonly state?: { readonly secret: string }
  }

  /** What a sign-in at the pages has come to so far. Only `login` signs anybody in. */
  export type InteractionResult =
    | {
        readonly login: {
          readonly accountId: string
          readonly acr: string | undefined
          readonly amr: readonly string[]
          /** Seconds since 1970. */
          readonly ts: number
          readonly remember: boolean
        }
        readonly consent: { readonly grantId: string }
      }
    | { readonly enrolment: { readonly accountId: string; readonly secret: string } }
    | { readonly error: string; readonly error_description: string }

  /** A sign-in at the pages that has begun and not ended. */
  export interface Interaction {
    readonly uid: string
    /** Seconds since 1970. */
    readonly exp: number
    readonly params: Parameters
    /** As it was kept: parsed again before it is used. */
    readonly result?: unknown
    /** The browser's session when it began; without one, or without an account in it, there is none. */
    session?: { readonly uid?: string; readonly accountId: string } | undefined
    save(ttlSeconds: number): Promise<string>
  }

  export interface ClientCredentials extends Stored {
    readonly kind: 'ClientCredentials'
    readonly clientId: string
  }

  /** `acr`, `amr` and `authTime` are carried from a refresh token to the one that replaces it. */
  interface SignInFacts {
    readonly acr?: string | undefined
    readonly amr?: readonly string[]
    readonly authTime?: number
  }

  export interface RefreshToken extends Stored, SignInFacts {
    readonly accountId: string
    readonly clientId: string
    readonly grantId: string
    readonly iat: number
    readonly scope: string
    readonly isValid: boolean
  }

  export interface ResourceServer {
    identifier(): string
  }

  export interface ResourceServerInfo {
    readonly scope: string
    readonly audience: string
    readonly accessTokenFormat: 'jwt'
    readonly jwt: { readonly sign: { readonly alg: 'RS256' } }
  }

  /** A parameter of the request once duplicates are refused: absent, or a text that is not empty. */
  type Parameters = Readonly<Record<string, string | undefined>>

  export interface Context {
    body: unknown
    status: number
    readonly method: string
    readonly path: string
    readonly response: { get(field: string): string }
    set(fields: Readonly<Record<string, string>>): void
    remove(field: string): void
    readonly oidc: {
      /** Name of the endpoint. */
      readonly route: string
      readonly client: Client
      readonly params: Parameters
      /** Present at the endpoints for browsers. */
      readonly session?: Session
      /** Present once a sign-in at the pages has ended. */
      readonly result?: InteractionResult
      readonly entities: {
        readonly Client?: Client
        readonly Grant?: Grant
        readonly RefreshToken?: RefreshToken
        readonly AuthorizationCode?: AuthorizationCode
        readonly DeviceCode?: DeviceCode
        readonly Interaction?: Interaction
      }
      urlFor(route: string): string
      entity(name: 'Grant', value: Grant): void
      entity(name: 'RefreshToken', value: RefreshToken): void
      entity(name: 'AccessToken', value: AccessToken): void
    }
  }

  /** At a path that the provider does not serve there is nothing of it. */
  export type AnyContext = Omit<Context, 'oidc'> & { readonly oidc: Context['oidc'] | undefined }

  export interface Account {
    readonly accountId: string
    claims(): Promise<{ readonly sub: string }>
  }

  interface Switch {
    readonly enabled: boolean
  }

  type Life<Token> = number | ((context: Context, token: Token, client: Client) => number)

  export interface Configuration {
    readonly adapter: (model: string) => Adapter
    readonly clients: readonly ClientMetadata[]
    readonly jwks: { readonly keys: readonly object[] }
    readonly scopes: readonly string[]
    readonly clientAuthMethods: readonly string[]
    readonly routes: {
      readonly authorization: string
      readonly code_verification: string
      readonly device_authorization: string
      readonly end_session: string
      readonly jwks: string
      readonly token: string
    }
    readonly cookies: {
      readonly names: { readonly session: string; readonly interaction: string; readonly resume: string }
      readonly long: CookieAttributes
      readonly short: CookieAttributes
    }
    readonly pkce: { readonly required: () => boolean }
    readonly interactions: { readonly policy: readonly object[]; readonly url: () => string }
    readonly expiresWithSession: () => boolean
    readonly features: {
      readonly clientCredentials: Switch
      readonly deviceFlow: Switch & {
        readonly userCodeInputSource: (
          context: Context,
          form: string,
          out: { readonly error: string } | undefined,
          error: (Error & { readonly userCode?: string }) | undefined,
        ) => void
        readonly userCodeConfirmSource: (
          context: Context,
          form: string,
          client: Client,
          deviceInfo: unknown,
          userCode: string,
        ) => void
        readonly successSource: (context: Context) => void
      }
      readonly devInteractions: Switch
      readonly dPoP: Switch
      readonly pushedAuthorizationRequests: Switch
      readonly rpInitiatedLogout: Switch & {
        readonly logoutSource: (context: Context, form: string) => void
        readonly postLogoutSuccessSource: (context: Context) => void
      }
      readonly userinfo: Switch
      readonly resourceIndicators: Switch & {
        readonly defaultResource: () => string
        readonly useGrantedResource: () => boolean
        readonly getResourceServerInfo: (context: Context, resource: string) => ResourceServerInfo
      }
    }
    readonly ttl: {
      readonly AccessToken: Life<AccessToken>
      readonly ClientCredentials: Life<ClientCredentials>
      readonly RefreshToken: Life<RefreshToken>
      readonly Grant: Life<Grant>
      readonly AuthorizationCode: number
      readonly DeviceCode: number
      readonly IdToken: number
      readonly Interaction: number
      readonly Session: Life<Session>
    }
    readonly issueRefreshToken: () => boolean
    readonly rotateRefreshToken: boolean
    readonly clientBasedCORS: () => boolean
    readonly findAccount: (context: Context, accountId: string) => Account | undefined
    readonly formats: {
      readonly customizers: {
        /** Changes the token before it is signed. */
        readonly jwt: (
          context: Context,
          token: AccessToken | ClientCredentials,
          jwt: { payload: Record<string, unknown> },
        ) => void
      }
    }
    readonly renderError: (
      context: Context,
      out: { readonly error: string; readonly error_description?: string },
      error: Error,
    ) => void
  }

  interface ClientMetadata {
    readonly client_id: string
    readonly client_name?: string
    readonly client_secret?: string
    readonly application_type?: 'native' | 'web'
    readonly token_endpoint_auth_method?: 'client_secret_basic' | 'none' | 'private_key_jwt'
    readonly jwks?: { readonly keys: readonly object[] }
    readonly grant_types: readonly string[]
    readonly redirect_uris: readonly string[]
    readonly response_types: readonly string[]
    readonly response_modes?: readonly string[]
  }

  interface CookieAttributes {
    readonly httpOnly: boolean
    readonly path: string
    readonly sameSite: 'strict'
    readonly secure: boolean
  }

  type Creator<Input, Made> = new (input: Input) => Made
  interface Finder<Made> {
    find(value: string): Promise<Made | undefined>
  }

  type NewGrant = { readonly jti: string; readonly accountId: string; readonly clientId: string }
  type NewToken = {
    readonly accountId: string
    readonly client: Client
    readonly grantId: string
    readonly gty: string
    readonly scope: string
  }
  type NewRefreshToken = NewToken & SignInFacts & { readonly resource: string; readonly rotations: number }

  export class Provider {
    constructor(issuer: string, configuration: Configuration)
    /** Of the request that is being answered. */
    static readonly ctx: Context | undefined
    readonly AccessToken: Creator<NewToken, AccessToken>
    readonly Client: Finder<Client>
    readonly Grant: Creator<NewGrant, Grant> & Finder<Grant>
    readonly RefreshToken: Creator<NewRefreshToken, RefreshToken> & Finder<RefreshToken>
    readonly ResourceServer: new (identifier: string, info: ResourceServerInfo) => ResourceServer
    registerGrantType(
      name: string,
      handler: (context: Context) => Promise<void>,
      parameters: readonly string[],
      duplicates: readonly string[],
    ): void
    /** The sign-in that the cookie of a browser names. Rejects with `errors.SessionNotFound`. */
    interactionDetails(request: IncomingMessage, response: ServerResponse): Promise<Interaction>
    /** Keeps a result; gives the URL at which the browser goes on. Rejects with `errors.SessionNotFound`. */
    interactionResult(
      request: IncomingMessage,
      response: ServerResponse,
      result: InteractionResult,
      options: { readonly mergeWithLastSubmission: false },
    ): Promise<string>
    /** Goes around every endpoint of the provider. */
    use(middleware: (context: AnyContext, next: () => Promise<void>) => Promise<void>): void
    callback(): (request: IncomingMessage, response: ServerResponse) => Promise<void>
    on(event: 'server_error', listener: (context: Context, error: unknown) => void): void
    on(event: 'end_session.success', listener: (context: Context) => void): void
    on(event: 'grant.revoked', listener: (context: Context, grantId: string) => void): void
    on(event: 'error', listener: (error: unknown) => void): void
  }

  export const errors: {
    readonly CustomOIDCProviderError: new (message: string, description: string) => Error
    readonly InvalidGrant: new (detail: string) => Error
    readonly InvalidRequest: new (description: string) => Error
    readonly InvalidScope: new (description: string, scope: string) => Error
    readonly InvalidTarget: new () => Error
    readonly SessionNotFound: new (description: string) => Error
  }

  /** The steps that a sign-in at the pages may need. */
  export const interactionPolicy: {
    readonly Prompt: new (info: { readonly name: string; readonly requestable: boolean }, ...checks: object[]) => object
    readonly Check: new (
      reason: string,
      description: string,
      error: string,
      isNeeded: (context: Context) => boolean,
    ) => object
  }
}
