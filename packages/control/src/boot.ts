import { isJsonObject, PopError, sectionShapes, type JsonObject, type PolicySection } from '@pop-api/protocol'
import { parseBootBase, WorkloadError } from '@pop-api/workload'
import type { ControlOptions } from './start-control.ts'

/**
 * Control's boot file: `name`, `home`, `listen` (`control` and `admin`) as everybody's, and instead of `admin`, `anchor`, `token`:
 * `domain`, `environment`, `approve_automatically` (boolean), `policy` and `settings` (the sections to publish), and if wanted
 * `lives: { mesh_ms, public_ms }`. Throws `boot-invalid`.
 */
export function parseControlBoot(document: JsonObject): ControlOptions {
  const { name, home, listen } = parseBootBase(document)
  const { control, admin } = listen
  if (control === undefined || admin === undefined) throw invalid('listen.control and listen.admin')
  const { domain, environment, approve_automatically: approveAutomatically, policy, settings, lives } = document
  if (typeof domain !== 'string') throw invalid('domain')
  if (typeof environment !== 'string' || !/^[a-z0-9]{1,32}$/.test(environment)) throw invalid('environment')
  if (typeof approveAutomatically !== 'boolean') throw invalid('approve_automatically')
  if (!isPolicy(policy)) throw invalid('policy')
  if (!isJsonObject(settings)) throw invalid('settings')
  const base = { name, home, domain, environment, approveAutomatically, policy, settings, listen: { control, admin } }
  return lives === undefined ? base : { ...base, lives: parseLives(lives) }
}

/** Reads a settings section that the supervisor sends to be published. Throws `body-invalid`. */
export function parseSettingsSection(value: unknown): JsonObject {
  if (isJsonObject(value)) return value
  throw new PopError('body-invalid', 'The settings section must be an object.')
}

function isPolicy(value: unknown): value is PolicySection {
  return sectionShapes.policy(value)
}

function parseLives(value: unknown): NonNullable<ControlOptions['lives']> {
  const { mesh_ms: meshMs, public_ms: publicMs } = isJsonObject(value) ? value : {}
  if (typeof meshMs !== 'number' || typeof publicMs !== 'number' || meshMs < 1_000 || publicMs < 1_000) {
    throw invalid('lives')
  }
  return { meshMs, publicMs }
}

function invalid(member: string): WorkloadError {
  return new WorkloadError('boot-invalid', `Control's boot file has no usable "${member}".`)
}
