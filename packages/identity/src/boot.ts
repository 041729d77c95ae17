import { isAbsolute } from 'node:path'
import { isCount, isJsonObject, isPlainText, type BootFile, type JsonObject } from '@pop-api/protocol'
import { parseBootFile, WorkloadError } from '@pop-api/workload'
import type { IdentityOptions } from './start-identity.ts'

/** What the identity program is told: the members of every boot file, and its own. */
export interface IdentityBoot {
  readonly file: BootFile
  readonly listen: IdentityOptions['listen']
  /** Absolute path of `dev-users.json`. */
  readonly usersFile: string
  readonly gateway: IdentityOptions['gateway']
  readonly security: IdentityOptions['security']
}

/**
 * Identity's boot file: the members of every boot file with `listen.identity`, and `users_file` (absolute path),
 * `gateway: { client_id, client_secret }`, `security: { token_expiration, max_failed_attempts, lockout_duration, minimum_password_length, require_2fa }` with times in seconds. Throws `boot-invalid`, naming the member.
 */
export function parseIdentityBoot(document: JsonObject): IdentityBoot {
  const file = parseBootFile(document)
  const { identity: listen } = file.listen
  if (listen === undefined) throw invalid('listen.identity')
  const { users_file: usersFile } = document
  if (typeof usersFile !== 'string' || !isAbsolute(usersFile)) throw invalid('users_file')
  return { file, listen, usersFile, gateway: parseGateway(document), security: parseSecurity(document) }
}

function parseGateway(document: JsonObject): IdentityBoot['gateway'] {
  const { client_id, client_secret, ...others } = membersOf(document, 'gateway')
  if (!isPlainText(client_id, 256)) throw invalid('gateway.client_id')
  if (!isPlainText(client_secret, 1024)) throw invalid('gateway.client_secret')
  refuseOthers('gateway', others)
  return { client_id, client_secret }
}

function parseSecurity(document: JsonObject): IdentityBoot['security'] {
  const members = membersOf(document, 'security')
  const { token_expiration, max_failed_attempts, lockout_duration, minimum_password_length, require_2fa, ...others } =
    members
  const count = (name: string, value: unknown): number => {
    if (!isCount(value) || value === 0) throw invalid(`security.${name}`)
    return value
  }
  if (typeof require_2fa !== 'boolean') throw invalid('security.require_2fa')
  refuseOthers('security', others)
  return {
    token_expiration: count('token_expiration', token_expiration),
    max_failed_attempts: count('max_failed_attempts', max_failed_attempts),
    lockout_duration: count('lockout_duration', lockout_duration),
    minimum_password_length: count('minimum_password_length', minimum_password_length),
    require_2fa,
  }
}

function membersOf(document: JsonObject, member: string): JsonObject {
  const value = document[member]
  if (isJsonObject(value)) return value
  throw invalid(member)
}

/** A word nobody reads is a setting that somebody believes in. */
function refuseOthers(member: string, others: JsonObject): void {
  const [name] = Object.keys(others)
  if (name !== undefined) throw invalid(`${member}.${name}`)
}

function invalid(member: string): WorkloadError {
  return new WorkloadError('boot-invalid', `Identity's boot file has no usable "${member}".`)
}
