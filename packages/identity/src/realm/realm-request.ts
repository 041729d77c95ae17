import { isCount, isJsonObject, isPlainText, isTextList, type JsonObject } from '@pop-api/protocol'

/** How a service client proves who it is: with a secret, or with a key of its own (RFC 7523). */
type ServiceAuthentication = 'secret' | 'private_key_jwt'

/** A key that is proved (RFC 9449), or a client certificate (RFC 8705). */
type TokenBinding = (typeof tokenBindings)[number]
const tokenBindings = ['dpop', 'certificate'] as const

/** A program that signs in as itself, as `realm.services` of `pop.yaml` has it. */
export interface ServiceClient {
  readonly clientId: string
  readonly authentication: ServiceAuthentication
  /** Only with `secret`. */
  readonly secret?: string
  /** JSON Web Key Set as text, public keys only; only with `private_key_jwt`. */
  readonly jwks?: string
  readonly roles: readonly string[]
  /** It may exchange a user's token for one of its own audience (RFC 8693). */
  readonly exchangesTokens: boolean
  /** What its tokens are bound to: Keycloak issues none without. */
  readonly bound?: TokenBinding
}

/** A person who is brought along from the embedded provider, with id, password and second factor. */
export interface BroughtUser {
  readonly id: string
  readonly username: string
  readonly password: string
  /** Base32; absent where the second factor is enrolled at the first sign-in. */
  readonly totpSecret?: string
  readonly roles: readonly string[]
}

/** All that a realm is made from. Secrets are values here: it comes over a pipe and is never written or shown. */
export interface RealmRequest {
  readonly realm: string
  /** `https://host[:port]` where clients and Keycloak reach the gateway. */
  readonly gateway: string
  readonly audience: string
  readonly security: {
    readonly tokenSeconds: number
    readonly failuresMax: number
    readonly lockoutSeconds: number
    readonly passwordLengthMin: number
    readonly requireSecondFactor: boolean
  }
  /** Nothing plain anywhere: the realm asks for TLS from every address. */
  readonly requireTls: boolean
  readonly passwordGrant: boolean
  readonly roles: readonly string[]
  /** Module → its permissions. */
  readonly modulePermissions: Readonly<Record<string, readonly string[]>>
  readonly gatewayClient: { readonly clientId: string; readonly secret: string }
  /** Control's own client, with which it manages users. */
  readonly controlSecret: string
  readonly services: readonly ServiceClient[]
  readonly users: readonly BroughtUser[]
}

/** Reads a request that came over a pipe from the command. Throws a TypeError that names the member. */
export function parseRealmRequest(value: unknown): RealmRequest {
  const request = requireObject(value, 'request')
  const security = requireObject(request['security'], 'security')
  const gatewayClient = requireObject(request['gateway_client'], 'gateway_client')
  return {
    realm: requireText(request, 'realm'),
    gateway: requireText(request, 'gateway'),
    audience: requireText(request, 'audience'),
    security: {
      tokenSeconds: requireCount(security, 'token_expiration'),
      failuresMax: requireCount(security, 'max_failed_attempts'),
      lockoutSeconds: requireCount(security, 'lockout_duration'),
      passwordLengthMin: requireCount(security, 'minimum_password_length'),
      requireSecondFactor: requireFlag(security, 'require_2fa'),
    },
    requireTls: requireFlag(request, 'require_tls'),
    passwordGrant: requireFlag(request, 'password_grant'),
    roles: requireTexts(request, 'roles'),
    modulePermissions: Object.fromEntries(
      Object.entries(requireObject(request['module_permissions'], 'module_permissions')).map(([module, list]) => [
        module,
        requireTexts({ [module]: list }, module),
      ]),
    ),
    gatewayClient: { clientId: requireText(gatewayClient, 'client_id'), secret: requireText(gatewayClient, 'secret') },
    controlSecret: requireText(request, 'control_secret'),
    services: requireList(request, 'services').map(parseService),
    users: requireList(request, 'users').map(parseUser),
  }
}

function parseService(value: unknown): ServiceClient {
  const service = requireObject(value, 'services')
  const base = {
    clientId: requireText(service, 'client_id'),
    roles: requireTexts(service, 'roles'),
    exchangesTokens: requireFlag(service, 'token_exchange'),
    ...(service['bound'] === undefined ? {} : { bound: requireBinding(service) }),
  }
  if (service['jwks'] !== undefined)
    return { ...base, authentication: 'private_key_jwt', jwks: requireText(service, 'jwks') }
  return { ...base, authentication: 'secret', secret: requireText(service, 'secret') }
}

function parseUser(value: unknown): BroughtUser {
  const user = requireObject(value, 'users')
  const base = {
    id: requireText(user, 'id'),
    username: requireText(user, 'username'),
    password: requireText(user, 'password'),
    roles: requireTexts(user, 'roles'),
  }
  return user['totp_secret'] === undefined ? base : { ...base, totpSecret: requireText(user, 'totp_secret') }
}

function requireObject(value: unknown, name: string): JsonObject {
  if (isJsonObject(value)) return value
  throw missing(name)
}

function requireText(of: JsonObject, name: string): string {
  const value = of[name]
  if (isPlainText(value, 64 * 1024)) return value
  throw missing(name)
}

function requireTexts(of: JsonObject, name: string): readonly string[] {
  const value = of[name]
  if (isTextList(value, 1000, 256)) return value
  throw missing(name)
}

function requireCount(of: JsonObject, name: string): number {
  const value = of[name]
  if (isCount(value)) return value
  throw missing(name)
}

function requireBinding(of: JsonObject): TokenBinding {
  const value = tokenBindings.find((one) => one === of['bound'])
  if (value !== undefined) return value
  throw missing('bound')
}

function requireFlag(of: JsonObject, name: string): boolean {
  const value = of[name]
  if (typeof value === 'boolean') return value
  throw missing(name)
}

function requireList(of: JsonObject, name: string): readonly unknown[] {
  const value: unknown = of[name]
  if (Array.isArray(value)) return value
  throw missing(name)
}

function missing(name: string): TypeError {
  return new TypeError(`The request for the realm has no usable "${name}".`)
}
