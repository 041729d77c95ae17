import { join } from 'node:path'
import type { JsonObject } from '@pop-api/protocol'
import { providerFailuresMax } from '@pop-api/settings'
import { devUsersPath } from '../dev/dev-users-file.ts'
import { loopback, type Ports } from './ports.ts'
import type { Prepared } from './prepare.ts'
import { isModule, listeners, type ProgramName } from './programs.ts'

/** What of control every other process must know. */
export interface ControlFacts {
  /** `https://host:port` of its two listeners. */
  readonly control: string
  readonly admin: string
  readonly rootSpkiSha256: string
}

/** Name and kind under which a process enrols; control itself does not. */
export const enrolments = {
  identity: { name: 'identity', kind: 'issuer' },
  kafka_service: { name: 'kafka_service', kind: 'module' },
  s3_service: { name: 's3_service', kind: 'module' },
  gateway: { name: 'gateway-1', kind: 'gateway' },
} as const satisfies Partial<Record<ProgramName, { name: string; kind: 'gateway' | 'module' | 'issuer' }>>

type MemberName = keyof typeof enrolments

/** Control's boot document. With an issuer, what it publishes at its start is complete. */
export function controlBoot(
  { home, settings, section }: Prepared,
  ports: Ports,
  issuer: string | undefined,
): JsonObject {
  const { roles, module_permissions, grants, environment } = settings
  return {
    name: 'control-1',
    home: join(home, 'control'),
    listen: listenOf('control', ports),
    domain: 'pop.internal',
    // Part of every API key, which has letters and digits only.
    environment: environment.replaceAll('_', '').slice(0, 32),
    approve_automatically: environment === 'development',
    policy: { roles, module_permissions, grants },
    settings: issuer === undefined ? section : { ...section, identity: { ...section.identity, issuer } },
  }
}

/** The boot document of a process that enrols at control, with a token of its own. */
export function memberBoot(
  member: MemberName,
  { home, settings, clientSecret }: Prepared,
  ports: Ports,
  { control, admin, rootSpkiSha256 }: ControlFacts,
  token: string,
): JsonObject {
  const boot = {
    name: enrolments[member].name,
    home: join(home, member),
    listen: listenOf(member, ports),
    control,
    admin,
    anchor: { root_spki_sha256: rootSpkiSha256 },
    token,
  }
  if (isModule(member)) return { ...boot, listen: { module: { host: loopback, port: ports[member] } } }
  if (member !== 'identity') return boot
  const { token_expiration, lockout_duration, minimum_password_length, require_2fa } = settings.security_config
  const max_failed_attempts = providerFailuresMax(settings)
  return {
    ...boot,
    users_file: devUsersPath(home),
    gateway: { client_id: settings.identity.client_id, client_secret: clientSecret },
    security: { token_expiration, max_failed_attempts, lockout_duration, minimum_password_length, require_2fa },
  }
}

function listenOf(program: ProgramName, ports: Ports): JsonObject {
  const own = listeners.filter((listener) => listener.program === program)
  return Object.fromEntries(own.map(({ name }) => [name, { host: loopback, port: ports[name] }]))
}
