import { execFile } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import type { IncomingMessage } from 'node:http'
import { request } from 'node:https'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { text } from 'node:stream/consumers'
import { promisify } from 'node:util'
import { isJsonObject, parseStrictJson, type JsonObject } from '@pop-api/protocol'
import { ensureDevUsers } from '../dev-users-file.ts'
import type { DevClient, DevUser, DevUsers } from '../dev-users.ts'
import { startIdentity, type Identity, type IdentityOptions, type ServerCertificate } from '../start-identity.ts'
import { totpCode } from '../totp.ts'

const run = promisify(execFile)

export const gateway = { client_id: 'pop-gateway', client_secret: 'the secret of the gateway' }
export const paths = {
  token: '/protocol/openid-connect/token',
  keys: '/protocol/openid-connect/certs',
  introspect: '/protocol/openid-connect/token/introspect',
  revoke: '/protocol/openid-connect/revoke',
  logout: '/protocol/openid-connect/logout',
  discovery: '/.well-known/openid-configuration',
}

type Form = Readonly<Record<string, string>> | URLSearchParams

/** What a call may have otherwise than usual. */
interface CallOptions {
  readonly headers?: Readonly<Record<string, string>>
  readonly method?: string
  /** The whole path, also outside the realm. */
  readonly path?: string
  readonly ca?: string
}

interface Answer {
  readonly status: number
  readonly headers: Readonly<Record<string, string | string[] | undefined>>
  readonly text: string
  /** The body as an object; empty when it is none. */
  readonly json: JsonObject
}

/** A provider over real TLS in a folder of its own, with a clock that the test moves. */
export interface IdentityWorld {
  readonly folder: string
  readonly identity: Identity
  readonly failures: readonly unknown[]
  /** Why sign-ins were refused, in their order: `account reason`. */
  readonly refusals: readonly string[]
  /** As it was started. */
  readonly security: IdentityOptions['security']
  /** Who has set up a second factor, in their order. */
  readonly enrolments: readonly string[]
  /** CA of its certificate, PEM. */
  readonly ca: string
  /** Milliseconds since 1970; begins at the system's time. */
  readonly clock: { ms: number }
  user(name: string): DevUser
  /** The TOTP secret of a user who has one from the start, base32. */
  secret(name: string): string
  client(): DevClient
  code(name: string): string
  call(path: string, form?: Form, options?: CallOptions): Promise<Answer>
  /** The token endpoint with the gateway's credentials. */
  token(form: Readonly<Record<string, string>>): Promise<Answer>
  /** Signs in with password and the code of a later step than any before. */
  signIn(name: string): Promise<JsonObject>
  restart(changed?: Partial<IdentityOptions>): Promise<void>
  [Symbol.asyncDispose](): Promise<void>
}

/** `newcomers`: users who have set up no second factor yet. */
export async function startWorld(
  security: Partial<IdentityOptions['security']> = {},
  newcomers: readonly string[] = [],
): Promise<IdentityWorld> {
  const folder = await mkdtemp(join(tmpdir(), 'pop-identity-'))
  const certificate = await makeCertificate(folder)
  const usersFile = join(folder, 'dev-users.json')
  const { users, clients } = await makeUsers(usersFile, newcomers)
  const clock = { ms: Date.now() }
  const failures: unknown[] = []
  const refusals: string[] = []
  const enrolments: string[] = []
  const options: IdentityOptions = {
    home: join(folder, 'identity'),
    listen: { host: '127.0.0.1', port: 0 },
    certificate,
    usersFile,
    gateway,
    security: {
      token_expiration: 3600,
      max_failed_attempts: 5,
      lockout_duration: 300,
      minimum_password_length: 12,
      require_2fa: true,
      ...security,
    },
    now: () => clock.ms,
    onFailure: (error) => failures.push(error),
    onEnrolment: (account) => enrolments.push(account),
    onRefusedSignIn: (account, reason) => refusals.push(`${account} ${reason}`),
  }
  let identity = await startIdentity(options)
  const world: IdentityWorld = {
    folder,
    ca: certificate.cert,
    security: options.security,
    failures,
    refusals,
    enrolments,
    clock,
    get identity() {
      return identity
    },
    user: (name) => found(users.find((user) => user.username === name)),
    secret: (name) => found(world.user(name).totp_secret),
    client: () => found(clients[0]),
    code: (name) => totpCode(world.secret(name), clock.ms),
    call: (path, form, more) => call(identity.port, certificate.cert, path, form, more),
    token: (form) => world.call(paths.token, { ...gateway, ...form }),
    async signIn(name) {
      clock.ms += 30_000
      const { password } = world.user(name)
      const answer = await world.token({ grant_type: 'password', username: name, password, totp: world.code(name) })
      if (answer.status !== 200) throw new Error(`${name} could not sign in: ${answer.text}`)
      return answer.json
    },
    async restart(changed = {}) {
      await identity[Symbol.asyncDispose]()
      identity = await startIdentity({ ...options, ...changed })
    },
    async [Symbol.asyncDispose]() {
      await identity[Symbol.asyncDispose]()
      await rm(folder, { recursive: true })
    },
  }
  return world
}

async function makeUsers(path: string, newcomers: readonly string[]): Promise<DevUsers> {
  const { users, clients } = await ensureDevUsers(path)
  const changed = users.map(({ totp_secret, ...user }): DevUser => {
    return newcomers.includes(user.username) || totp_secret === undefined ? user : { ...user, totp_secret }
  })
  await writeFile(path, JSON.stringify({ users: changed, clients }))
  return { users: changed, clients }
}

/** A certificate for `localhost` that is its own authority. */
export async function makeCertificate(folder: string): Promise<ServerCertificate> {
  const [key, cert] = [join(folder, 'key.pem'), join(folder, 'cert.pem')]
  const subject = ['-subj', '/CN=localhost', '-addext', 'subjectAltName=DNS:localhost']
  const algorithm = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes']
  await run('openssl', ['req', '-x509', ...algorithm, ...subject, '-days', '2', '-keyout', key, '-out', cert])
  return { cert: await readFile(cert, 'utf8'), key: await readFile(key, 'utf8') }
}

/** The claims of a token, whose signature is not looked at. */
export function claimsOf(token: unknown): JsonObject {
  const [, claims = ''] = String(token).split('.')
  return objectOf(Buffer.from(claims, 'base64url').toString('utf8'))
}

/** The value of a member that must be a text. */
export function textOf(json: JsonObject, name: string): string {
  const value = json[name]
  if (typeof value !== 'string') throw new TypeError(`${name} is not a text`)
  return value
}

async function call(
  port: number,
  ca: string,
  path: string,
  form?: Form,
  { headers, ...more }: CallOptions = {},
): Promise<Answer> {
  const body = form === undefined ? undefined : new URLSearchParams(form).toString()
  const sent = request({
    host: '127.0.0.1',
    servername: 'localhost',
    port,
    ca,
    agent: false,
    path: `/realms/pop${path}`,
    method: body === undefined ? 'GET' : 'POST',
    headers: { ...(body === undefined ? {} : { 'content-type': 'application/x-www-form-urlencoded' }), ...headers },
    ...more,
  })
  sent.end(body)
  // `response` is emitted with an IncomingMessage.
  const [response] = (await once(sent, 'response')) as [IncomingMessage]
  const content = await text(response)
  return { status: response.statusCode ?? 0, headers: response.headers, text: content, json: objectOf(content) }
}

function objectOf(content: string): JsonObject {
  const parsed = parseStrictJson(content)
  return parsed.ok && isJsonObject(parsed.value) ? parsed.value : {}
}

function found<T>(value: T | undefined): T {
  if (value === undefined) throw new Error('There is no such user, secret or client.')
  return value
}
