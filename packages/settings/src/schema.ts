import { z } from 'zod'

const word = z.string().regex(/^[a-z][a-z0-9_]*$/, 'expected a word of a-z, 0-9 and _')
const permission = z
  .string()
  .regex(/^[a-z][a-z0-9_]*\.[a-z][a-z0-9_]*$/, 'expected a module permission such as kafka.create')
const seconds = z.int().min(1)

/** Where a secret lies. The value itself never stands in `pop.yaml`, in a bulletin or in a log. */
const secretReference = z.union([
  z.strictObject({ file: z.string().min(1) }),
  z.strictObject({ env: z.string().regex(/^[A-Z][A-Z0-9_]*$/) }),
])
export type SecretReference = z.infer<typeof secretReference>

export const securityConfig = z.strictObject({
  token_expiration: seconds.max(86_400).default(3600),
  max_failed_attempts: z.int().min(1).max(1000).default(5),
  lockout_duration: seconds.max(86_400).default(300),
  minimum_password_length: z.int().min(8).max(128).default(12),
  require_2fa: z.boolean().default(true),
})

export const environmentMode = z.strictObject({
  require_mTLS: z.boolean(),
  allow_test_tokens: z.boolean(),
  audit_level: z.enum(['full', 'basic']),
})

export const identity = z.strictObject({
  provider: z.enum(['embedded', 'keycloak']).default('embedded'),
  /** Exact `iss` of access tokens. The embedded provider fills it in. */
  issuer: z.url().optional(),
  /** File with the CA certificates (PEM) that the issuer's certificate comes from; the system's where there is none. */
  ca: z.string().min(1).optional(),
  audience: z.string().min(1).default('pop-api'),
  client_id: z.string().min(1).default('pop-gateway'),
  client_secret: secretReference.optional(),
  /** client_id → the subject of its service account: only these are exempt from the second factor. */
  service_clients: z.record(z.string(), z.string()).default({}),
})

export const limits = z.strictObject({
  /** Requests a second that one caller may go on with, and how many at once beyond that. */
  caller_rate: z.int().min(1).default(200),
  caller_burst: z.int().min(1).default(400),
  /** The same for all that comes from one address, or one /64 of IPv6; asked before anything is verified. */
  address_rate: z.int().min(1).default(1000),
  address_burst: z.int().min(1).default(2000),
  /** The same for sign-in and whatever else needs no token. */
  sign_in_rate: z.int().min(1).default(20),
  sign_in_burst: z.int().min(1).default(100),
  /** How long a module may take until the first byte of its answer, and between two. */
  module_silence_ms: z.int().min(100).max(600_000).default(30_000),
  connections_per_address: z.int().min(1).default(256),
})

export const protocol = z.strictObject({
  /** Largest buffered body in bytes. */
  digest_body_max: z.int().min(1024).max(1_048_576).default(262_144),
})

const dataSecurity = z.strictObject({
  at_rest: z.array(z.string()).default([]),
  in_transit: z.array(z.string()).default([]),
})

/** The one schema of `pop.yaml`. Unknown keys are errors; every default stands here and nowhere else. */
export const settingsSchema = z.strictObject({
  environment: word.default('production'),
  roles: z.record(word, z.array(word)),
  module_permissions: z.record(word, z.array(permission)).default({}),
  grants: z.record(word, z.array(permission)).optional(),
  operators: z.record(word, z.array(z.enum(['operator', 'auditor', 'approver']))).default({ admin: ['operator'] }),
  data_security: dataSecurity.prefault({}),
  security_config: securityConfig.prefault({}),
  environments: z.record(word, environmentMode),
  identity: identity.prefault({}),
  limits: limits.prefault({}),
  protocol: protocol.prefault({}),
})

export type SettingsFile = z.infer<typeof settingsSchema>
export type EnvironmentMode = z.infer<typeof environmentMode>

/** Keys that are accepted and checked and have no effect yet; `pop config check` lists them. */
export const keysWithoutEffect = ['data_security', 'operators'] as const
