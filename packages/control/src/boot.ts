import { isJsonObject, PopError, sectionShapes, type JsonObject, type PolicySection } from '@pop-api/protocol'
import { readGatewaySection, type GatewaySettings } from '@pop-api/settings'
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
  const section = readSection(settings)
  if (!section.ok) throw invalid('settings', section.cause)
  const common = { name, home, domain, environment, approveAutomatically, policy, listen: { control, admin } }
  const base = { ...common, settings: section.settings }
  return lives === undefined ? base : { ...base, lives: parseLives(lives) }
}

/** Reads a settings section that the supervisor sends to be published. Throws `body-invalid`. */
export function parseSettingsSection(value: unknown): GatewaySettings {
  const section = readSection(value)
  if (section.ok) return section.settings
  throw new PopError('body-invalid', 'The settings section is not one of this version.', { cause: section.cause })
}

function readSection(
  value: unknown,
): { readonly ok: true; readonly settings: GatewaySettings } | { readonly ok: false; readonly cause: unknown } {
  try {
    return { ok: true, settings: readGatewaySection(value) }
  } catch (cause) {
    return { ok: false, cause }
  }
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

function invalid(member: string, cause?: unknown): WorkloadError {
  return new WorkloadError('boot-invalid', `Control's boot file has no usable "${member}".`, { cause })
}
