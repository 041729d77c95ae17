import { z } from 'zod'
import type { Settings } from './load.ts'
import {
  environmentMode,
  identity,
  limits,
  listeners,
  lockout,
  log,
  operators,
  protocol,
  securityConfig,
} from './schema.ts'

const gatewaySettings = z.strictObject({
  environment: z.string(),
  mode: environmentMode,
  security_config: securityConfig,
  identity,
  limits,
  protocol,
  // Gateways are updated before control: these must not be missed in what an older one publishes.
  log: log.prefault({}),
  listeners: listeners.prefault({}),
  lockout: lockout.prefault({}),
  operators: operators.default({}),
  /** What was changed while running; the blocks above have it in them already. */
  overlay: z.record(z.string(), z.record(z.string(), z.unknown())).default({}),
})

/** The part of the settings that gateways follow: the section `settings` of the bulletin. It carries no secret, only references. */
export type GatewaySettings = z.infer<typeof gatewaySettings>

/** Takes what gateways need. `issuer` and `ca` of the embedded provider come from whoever started it. */
export function gatewaySection(
  settings: Settings,
  filledIn: Partial<GatewaySettings['identity']> = {},
): GatewaySettings {
  const { environment, mode, security_config } = settings
  return structuredClone({
    environment,
    mode,
    security_config,
    identity: { ...settings.identity, ...filledIn },
    limits: settings.limits,
    protocol: settings.protocol,
    log: settings.log,
    listeners: settings.listeners,
    lockout: settings.lockout,
    operators: settings.operators,
    overlay: {},
  })
}

/** Reads the section as it came in a bulletin. Throws a `ZodError` for one that another version of control has made. */
export function readGatewaySection(value: unknown): GatewaySettings {
  return gatewaySettings.parse(value)
}

/** How many times as many failures of an account the provider takes where gateways count them by network. */
const providerAllowance = 10

/** After how many failures the provider itself locks an account, whatever networks they came from. */
export function providerFailuresMax({
  security_config: { max_failed_attempts: failuresMax },
  lockout: { scope },
}: Pick<GatewaySettings, 'security_config' | 'lockout'>): number {
  return scope === 'account' ? failuresMax : failuresMax * providerAllowance
}

/**
 * True where test tokens may be minted and taken: by the block of `environments` in force, and never in an environment named
 * production, whatever its block says.
 */
export function allowsTestTokens({ environment, mode }: GatewaySettings): boolean {
  return environment !== 'production' && mode.allow_test_tokens
}
