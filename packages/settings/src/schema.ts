import { z } from 'zod'

const word = z.string().regex(/^[a-z][a-z0-9_]*$/, 'expected a word of a-z, 0-9 and _')
const permission = z
  .string()
  .regex(/^[a-z][a-z0-9_]*\.[a-z][a-z0-9_]*$/, 'expected a module permission such as kafka.create')
const count = z.int().min(1)

/** Where a secret lies. The value itself never stands in `pop.yaml`, in a bulletin or in a log. */
const secretReference = z.union([
  z.strictObject({ file: z.string().min(1) }),
  z.strictObject({ env: z.string().regex(/^[A-Z][A-Z0-9_]*$/) }),
])

export type SecretReference = z.infer<typeof secretReference>

export const securityConfig = z.strictObject({
  token_expiration: count
    .max(86_400)
    .default(3600)
    .describe('Life of an access token in seconds, asked of the provider; a token that lives longer is refused.'),
  max_failed_attempts: count.max(1000).default(5).describe('Failed sign-ins until an account is locked.'),
  lockout_duration: count.max(86_400).default(300).describe('Seconds that a lock lasts.'),
  minimum_password_length: z.int().min(8).max(128).default(12).describe('Shortest password that may be chosen.'),
  require_2fa: z
    .boolean()
    .default(true)
    .describe('A token that shows no second factor is refused, those of service clients aside.'),
})

export const lockout = z.strictObject({
  scope: z
    .enum(['account', 'account+network'])
    .default('account')
    .describe(
      'Whom failed sign-ins lock: `account`: everybody who tries this account, counted by the provider; `account+network`: ' +
        'whoever tries it from that network (/24 of IPv4, /64 of IPv6), counted by the gateway at POST /oauth/token, so that a ' +
        'stranger locks nobody else out; the provider then takes ten times as many failures of an account.',
    ),
})

export const environmentMode = z.strictObject({
  require_mTLS: z.boolean().describe('No plain listener and no plain module address anywhere.'),
  allow_test_tokens: z.boolean().describe('Test tokens may be minted and are taken.'),
  audit_level: z
    .enum(['full', 'basic'])
    .describe('`full`: every request, recorded before its answer leaves; `basic`: security events and changes.'),
})

export const identity = z.strictObject({
  provider: z.enum(['embedded', 'keycloak']).default('embedded').describe('Who signs users in.'),
  issuer: z.url().optional().describe('Exact `iss` of access tokens. The embedded provider fills it in.'),
  ca: z
    .string()
    .min(1)
    .optional()
    .describe("File with the CA certificates (PEM) of the issuer; the system's where there is none."),
  audience: z.string().min(1).default('pop-api').describe('Exact `aud` of access tokens.'),
  client_id: z.string().min(1).default('pop-gateway').describe("The gateway's own client at the provider."),
  client_secret: secretReference.optional().describe('Where its secret lies: `{file: …}` or `{env: …}`.'),
  password_grant: z
    .boolean()
    .default(true)
    .describe('Whether POST /oauth/token takes passwords; RFC 9700 section 2.4 forbids that to new systems.'),
  service_clients: z
    .record(z.string(), z.string())
    .default({})
    .describe('Client id → subject of its service account. Only these go without a second factor.'),
  verify: z
    .enum(['jwt', 'introspect'])
    .default('jwt')
    .describe(
      'How access tokens are verified: `jwt` by the keys of the provider, which is asked only about those that are opaque; ' +
        '`introspect`: the provider is asked about every one, again after at most 30 seconds.',
    ),
  introspection_client: z
    .string()
    .min(1)
    .optional()
    .describe(
      'As which client the gateway asks about tokens, with its own secret; `client_id` unless told. Keycloak answers only to the ' +
        'client that a token is for: after `pop realm apply` it is the one named as `audience`.',
    ),
})

export const listeners = z.strictObject({
  gateway_mtls: z
    .boolean()
    .default(false)
    .describe(
      'A second public listener that asks for a client certificate, for tokens that are bound to one (RFC 8705).',
    ),
})

/** What `pop realm apply` makes of Keycloak beside what the rest of the file says. */
const realm = z.strictObject({
  gateway: z
    .url({ protocol: /^https$/ })
    .default('https://localhost:8443')
    .describe('Where Keycloak reaches the gateway: it tells it there of sessions that have ended.'),
  services: z
    .record(
      z.string().regex(/^[a-z][a-z0-9_-]{0,62}$/, 'expected a client id of a-z, 0-9, _ and -'),
      z.strictObject({
        roles: z.array(word).default([]).describe('Its roles; its tokens never carry others.'),
        jwks: z
          .string()
          .min(1)
          .optional()
          .describe('File with its public keys (JWKS), by which it proves itself; without one it has a secret.'),
        token_exchange: z.boolean().default(false).describe('It may exchange tokens of users (RFC 8693).'),
        bound: z
          .enum(['dpop', 'certificate'])
          .optional()
          .describe(
            'Its tokens are of no use to a thief: it proves a key (`dpop`, RFC 9449) or shows its certificate (RFC 8705), at ' +
              'Keycloak and at every request; without either anybody who has one can use it.',
          ),
      }),
    )
    .default({})
    .describe('Client id → a program that signs in as itself.'),
})

/** Marks a key that `PATCH /v1/pop/settings` may change while everything runs. */
const live = { live: true } as const

export const limits = z.strictObject({
  caller_rate: count.default(200).describe('Requests a second that one caller may go on with.').meta(live),
  caller_burst: count.default(400).describe('How many more may come at once.').meta(live),
  address_rate: count
    .default(1000)
    .describe('The same for an address, or a /64 of IPv6, asked before anything is verified.')
    .meta(live),
  address_burst: count.default(2000).describe('How many more may come at once.').meta(live),
  sign_in_rate: count
    .default(20)
    .describe('The same for an address at sign-in and whatever else needs no token.')
    .meta(live),
  sign_in_burst: count.default(100).describe('How many more may come at once.').meta(live),
  module_silence_ms: z
    .int()
    .min(100)
    .max(600_000)
    .default(30_000)
    .describe('How long a module may take until the first byte of its answer, and between two.')
    .meta(live),
  connections_per_address: count
    .default(256)
    .describe('Connections that an address, or a /64 of IPv6, may hold.')
    .meta(live),
})

export const protocol = z.strictObject({
  digest_body_max: z
    .int()
    .min(1024)
    .max(1_048_576)
    .default(262_144)
    .describe('Largest request body in bytes; a larger one is refused with 413.'),
})

export const log = z.strictObject({
  level: z
    .enum(['info', 'warn', 'error'])
    .default('info')
    .describe('Least that gateways and control write to their logs; audit events are no part of these.')
    .meta(live),
})

export const operators = z.record(word, z.array(z.enum(['operator', 'auditor', 'approver'])))

const dataSecurity = z.strictObject({
  at_rest: z.array(z.string()).default([]).describe('Measures that hold for data on disks.'),
  in_transit: z.array(z.string()).default([]).describe('Measures that hold for data on the way.'),
})

/** The one schema of `pop.yaml`. Unknown keys are errors; every default stands here and nowhere else. */
export const settingsSchema = z.strictObject({
  environment: word.default('production').describe('Which block of `environments` is in force.'),
  roles: z.record(word, z.array(word)).describe('Role → role permissions.'),
  module_permissions: z
    .record(word, z.array(permission))
    .default({})
    .describe('Module → module permissions that exist, beside those of its manifest.'),
  grants: z
    .record(word, z.array(permission))
    .optional()
    .describe('Role → module permissions that it carries beside those in the token.'),
  operators: operators
    .default({ admin: ['operator'] })
    .describe('Role → what its holders may do to the system itself.'),
  data_security: dataSecurity.prefault({}),
  security_config: securityConfig.prefault({}),
  lockout: lockout.prefault({}),
  environments: z.record(word, environmentMode).describe('Environment → how strict it is.'),
  identity: identity.prefault({}),
  realm: realm.prefault({}),
  listeners: listeners.prefault({}),
  limits: limits.prefault({}),
  protocol: protocol.prefault({}),
  log: log.prefault({}),
})

export type SettingsFile = z.infer<typeof settingsSchema>
export type EnvironmentMode = z.infer<typeof environmentMode>

/** Keys that are accepted and checked and have no effect yet; `pop config check` lists them. */
export const keysWithoutEffect = ['data_security'] as const
