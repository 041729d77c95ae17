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
    readonly oidc: {
      readonly client: Client
      readonly params: Parameters
      readonly entities: { readonly Grant?: Grant; readonly RefreshToken?: RefreshToken }
      entity(name: 'Grant', value: Grant): void
      entity(name: 'RefreshToken', value: RefreshToken): void
      entity(name: 'AccessToken', value: AccessToken): void
    }
  }

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
    readonly clients: readonly {
      readonly client_id: string
      readonly client_secret: string
      readonly grant_types: readonly string[]
      readonly redirect_uris: readonly string[]
      readonly response_types: readonly string[]
    }[]
    readonly jwks: { readonly keys: readonly object[] }
    readonly scopes: readonly string[]
    readonly clientAuthMethods: readonly string[]
    readonly routes: { readonly token: string; readonly jwks: string }
    readonly features: {
      readonly clientCredentials: Switch
      readonly devInteractions: Switch
      readonly dPoP: Switch
      readonly pushedAuthorizationRequests: Switch
      readonly rpInitiatedLogout: Switch
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
    readonly renderError: (context: Context, out: { readonly error: string }) => void
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
    callback(): (request: IncomingMessage, response: ServerResponse) => Promise<void>
    on(event: 'server_error', listener: (context: Context, error: unknown) => void): void
    on(event: 'error', listener: (error: unknown) => void): void
  }

  export const errors: {
    readonly CustomOIDCProviderError: new (message: string, description: string) => Error
    readonly InvalidGrant: new (detail: string) => Error
    readonly InvalidRequest: new (description: string) => Error
    readonly InvalidScope: new (description: string, scope: string) => Error
    readonly InvalidTarget: new () => Error
  }
}
