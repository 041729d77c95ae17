import KeycloakAdminClient, { NetworkError } from '@keycloak/keycloak-admin-client'

/** Who may change a realm: a person of an administrators' realm, or a client with a service account. */
export interface Administrator {
  /** `https://host[:port][/path]`, without `/realms`. */
  readonly server: string
  /** The realm that knows the administrator; `master` for most. */
  readonly realm: string
  readonly credentials:
    | { readonly kind: 'person'; readonly username: string; readonly password: string }
    | { readonly kind: 'client'; readonly clientId: string; readonly secret: string }
}

/** Keycloak would not do what it was asked, in words for whoever asked. */
export class RealmError extends Error {}

/** Nobody answered, or nobody who could prove to be Keycloak. */
export class RealmUnreachable extends RealmError {}

/** How long Keycloak may take for an answer. */
export const timeoutMs = 30_000
/** Tokens of administrators live a minute: one is used for the first part of it. */
const tokenMs = 30_000

/** A client of the admin API that speaks of `realm`. Signs in at once, and again as its token ages. Throws a RealmError. */
export async function connectAdmin(administrator: Administrator, realm: string): Promise<KeycloakAdminClient> {
  const { server } = administrator
  let token: string | undefined
  let obtainedMs = Number.NEGATIVE_INFINITY
  const present = async (): Promise<string | undefined> => {
    if (performance.now() - obtainedMs > tokenMs) {
      token = await signIn(administrator)
      obtainedMs = performance.now()
    }
    return token
  }
  await present()
  const keycloak = new KeycloakAdminClient({ baseUrl: server, realmName: realm, timeout: timeoutMs })
  keycloak.registerTokenProvider({ getAccessToken: present })
  return keycloak
}

async function signIn({ server, realm, credentials }: Administrator): Promise<string | undefined> {
  const client = new KeycloakAdminClient({ baseUrl: server, realmName: realm, timeout: timeoutMs })
  try {
    await client.auth(
      credentials.kind === 'person'
        ? {
            grantType: 'password',
            clientId: 'admin-cli',
            username: credentials.username,
            password: credentials.password,
          }
        : { grantType: 'client_credentials', clientId: credentials.clientId, clientSecret: credentials.secret },
    )
    return client.accessToken
  } catch (error) {
    const who =
      credentials.kind === 'person' ? `the user ${credentials.username}` : `the client ${credentials.clientId}`
    if (statusOf(error) === 404)
      throw new RealmError(`${server} has no realm ${realm} for administrators.`, { cause: error })
    if (statusOf(error) === 400 || statusOf(error) === 401)
      throw new RealmError(`Keycloak does not let ${who} of realm ${realm} in: check name and secret.`, {
        cause: error,
      })
    throw explain(error, `sign in at ${server}`)
  }
}

/** What a failed call means, with what was being done. */
export function explain(error: unknown, doing: string): RealmError {
  if (error instanceof RealmError) return error
  const status = statusOf(error)
  if (status === 403)
    return new RealmError(
      `Keycloak does not allow the administrator to ${doing}: the account lacks rights in that realm.`,
      {
        cause: error,
      },
    )
  if (status !== undefined)
    return new RealmError(`Keycloak answered ${status} to an attempt to ${doing}: ${saidOf(error)}`, { cause: error })
  // `fetch` says only that it failed; why is said by the cause.
  const cause: unknown = error instanceof Error ? error.cause : undefined
  if (cause instanceof Error)
    return new RealmUnreachable(`Keycloak could not be reached to ${doing}: ${reasonOf(cause)}.`, { cause: error })
  const why = error instanceof Error ? error.message : String(error)
  return new RealmError(`The attempt to ${doing} failed: ${why}`, { cause: error })
}

/** What OpenSSL says of a certificate is followed by advice about Node, which whoever runs `pop` does not start. */
function reasonOf(cause: Error): string {
  const [what = ''] = cause.message.split(';')
  return /certificate/.test(what) ? `${what} (identity.ca of pop.yaml must be the CA of its certificate)` : what
}

/** The HTTP status of a refusal; undefined where there was no answer. */
function statusOf(error: unknown): number | undefined {
  return error instanceof NetworkError ? error.response.status : undefined
}

function saidOf(error: unknown): string {
  if (!(error instanceof NetworkError)) return ''
  const data: unknown = error.responseData
  return typeof data === 'string' ? data.slice(0, 200) : JSON.stringify(data).slice(0, 400)
}
