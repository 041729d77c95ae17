import { createServer, type Server } from 'node:https'
import type { AddressInfo } from 'node:net'
import { WorkloadError } from '@pop-api/workload'
import { answerRequests } from './answer-request.ts'
import { limitVisits } from './browser/begun-visits.ts'
import { signInEndpoints } from './browser/sign-in-endpoints.ts'
import { readDevUsers } from './dev-users-file.ts'
import { shortPassword } from './dev-users.ts'
import { realmPath } from './provider/endpoints.ts'
import { invalidGrantError, makeProvider } from './provider/make-provider.ts'
import { loadSigningKey } from './provider/signing-key.ts'
import { sessionEndpoints } from './session/session-endpoints.ts'
import { accountBook } from './sign-in/account-book.ts'
import { secondFactors } from './sign-in/second-factors.ts'
import { makeSignIn, type SignInRefusal } from './sign-in/sign-in.ts'
import { artifactStore } from './state/artifact-store.ts'
import { openDatabase } from './state/database.ts'
import { revokedTokens } from './state/revoked-tokens.ts'

/** PEM of a server's certificate, with its chain, and of its key. */
export interface ServerCertificate {
  readonly cert: string
  readonly key: string
}

export interface IdentityOptions {
  /** The process's own folder (0700, made when missing): `state.db` and `signing-key.pem`. */
  readonly home: string
  /** Port 0 lets the system choose. */
  readonly listen: { readonly host: string; readonly port: number }
  /** The host name in the issuer; `localhost` unless told. */
  readonly hostName?: string
  readonly certificate: ServerCertificate
  /** Path of `dev-users.json`, read once. */
  readonly usersFile: string
  /** The confidential client of the gateway: it alone may sign users in with their passwords. */
  readonly gateway: { readonly client_id: string; readonly client_secret: string }
  /** As in `pop.yaml`; `token_expiration` and `lockout_duration` in seconds. */
  readonly security: {
    readonly token_expiration: number
    readonly max_failed_attempts: number
    readonly lockout_duration: number
    readonly minimum_password_length: number
    readonly require_2fa: boolean
  }
  /** Milliseconds since 1970; the system's clock unless told. Token times are always the system's: oidc-provider reads it. */
  readonly now?: () => number
  /** Is told of every fault that a client saw as `server_error`; never of a secret. */
  readonly onFailure: (error: unknown) => void
  /** Is told why a sign-in was refused, which no client learns. */
  readonly onRefusedSignIn?: (account: string, reason: SignInRefusal) => void
  /** Is told of a user who has set up a second factor. */
  readonly onEnrolment?: (account: string) => void
}

export interface Identity {
  /** `https://<hostName>:<port>/realms/pop` */
  readonly issuer: string
  readonly port: number
  /** Takes another certificate for the connections to come. */
  setCertificate(certificate: ServerCertificate): void
  /** Stops listening, ends open connections, closes the database. */
  [Symbol.asyncDispose](): Promise<void>
}

const purgeIntervalMs = 60_000

/** The gateway needs a few; every further one is memory that a stranger can claim. */
const connectionsMax = 256

/** Nobody holds one of them for long without a request: Node looks every second at who is late. */
const patience = {
  handshakeTimeout: 10_000,
  headersTimeout: 10_000,
  requestTimeout: 10_000,
  keepAliveTimeout: 5_000,
  connectionsCheckingInterval: 1_000,
}

/**
 * Starts the embedded provider of development: Keycloak's URLs below `/realms/pop`, over TLS 1.3. Everything it must remember
 * is on disk before it is answered, so that a restart or a kill loses nothing. Throws a KeyringError for a users file or a key
 * that must not be used, a WorkloadError (`boot-invalid`) for a user with a password that is too short and for a client whose name
 * is taken, and as `listen` does for the port.
 */
export async function startIdentity(options: IdentityOptions): Promise<Identity> {
  const { home, listen, hostName = 'localhost', certificate, now = Date.now } = options
  const users = await readDevUsers(options.usersFile)
  const tooShort = shortPassword(users, options.security.minimum_password_length)
  if (tooShort !== undefined) throw new WorkloadError('boot-invalid', tooShort)
  await using started = new AsyncDisposableStack()
  const database = await openDatabase(home)
  started.defer(() => database.close())
  const signingKey = await loadSigningKey(home)
  const artifacts = artifactStore(database, now, invalidGrantError)
  const revoked = revokedTokens(database, now)
  const { security } = options
  const signIn = await makeSignIn({
    users: users.users,
    accounts: accountBook(database),
    secondFactors: secondFactors(database),
    lockout: { failuresMax: security.max_failed_attempts, lockMs: security.lockout_duration * 1000 },
    requireSecondFactor: security.require_2fa,
    now,
    refused: options.onRefusedSignIn ?? (() => undefined),
    enrolled: options.onEnrolment ?? (() => undefined),
  })
  const purge = (): void => purgeOrTell([artifacts, revoked], options.onFailure)
  purge()
  const purging = setInterval(purge, purgeIntervalMs)
  started.defer(() => clearInterval(purging))

  const server = createServer({ ...certificate, minVersion: 'TLSv1.3', ...patience })
  server.maxConnections = connectionsMax
  const port = await startListening(server, listen)
  const answering = new Set<Promise<void>>()
  started.defer(() => stopListening(server, answering))
  const issuer = `https://${hostName}:${port}${realmPath}`
  const provider = makeProvider({
    issuer,
    users,
    gateway: options.gateway,
    signingJwk: signingKey.privateJwk,
    tokenSeconds: security.token_expiration,
    artifacts,
    signIn,
    now,
    onFailure: options.onFailure,
  })
  const endpoints = sessionEndpoints({ provider, issuer, artifacts, revoked, verificationKey: signingKey.record, now })
  const pages = signInEndpoints({ provider, issuer, users: users.users, signIn, artifacts, now })
  const { onFailure } = options
  const begun = { visits: limitVisits(now), deviceCodes: limitVisits(now) }
  const answer = answerRequests({ issuer, provider: provider.callback(), ...begun, ...endpoints, ...pages, onFailure })
  server.on('request', (request, response) => {
    const answered = answer(request, response).finally(() => answering.delete(answered))
    answering.add(answered)
  })
  const running = started.move()
  return {
    issuer,
    port,
    setCertificate: (next) => server.setSecureContext({ ...next, minVersion: 'TLSv1.3' }),
    [Symbol.asyncDispose]: () => running.disposeAsync(),
  }
}

function purgeOrTell(stores: readonly { purge(): void }[], onFailure: (error: unknown) => void): void {
  try {
    for (const store of stores) store.purge()
  } catch (error) {
    // What has expired is refused whether it is still there or not: the next round may remove it.
    onFailure(error)
  }
}

async function startListening(server: Server, listen: IdentityOptions['listen']): Promise<number> {
  const { promise, resolve, reject } = Promise.withResolvers<void>()
  server.once('error', reject)
  server.listen({ host: listen.host, port: listen.port, exclusive: true }, resolve)
  await promise
  server.off('error', reject)
  // A server that listens on TCP has such an address.
  return (server.address() as AddressInfo).port
}

async function stopListening(server: Server, answering: ReadonlySet<Promise<void>>): Promise<void> {
  const { promise, resolve, reject } = Promise.withResolvers<void>()
  server.close((error) => (error === undefined ? resolve() : reject(error)))
  server.closeAllConnections()
  await promise
  // The database is closed next: whoever still works with it comes first.
  await Promise.all(answering)
}
