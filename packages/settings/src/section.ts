import { z } from 'zod'
import type { Settings } from './load.ts'
import { environmentMode, identity, limits, protocol, securityConfig } from './schema.ts'

const gatewaySettings = z.strictObject({
  environment: z.string(),
  mode: environmentMode,
  security_config: securityConfig,
  identity,
  limits,
  protocol,
})

/** The part of the settings that gateways follow: the section `settings` of the bulletin. It carries no secret, only references. */
export type GatewaySettings = z.infer<typeof gatewaySettings>

/** Takes what gateways need. `issuer` and `ca` of the embedded provider come from whoever started it. */
export function gatewaySection(
  settings: Settings,
  filledIn: Partial<GatewaySettings['identity']> = {},
): GatewaySettings {
  const { environment, mode, security_config, identity: configured, limits: rates, protocol: sizes } = settings
  return structuredClone({
    environment,
    mode,
    security_config,
    identity: { ...configured, ...filledIn },
    limits: rates,
    protocol: sizes,
  })
}

/** Reads the section as it came in a bulletin. Throws a `ZodError` for one that another version of control has made. */
export function readGatewaySection(value: unknown): GatewaySettings {
  return gatewaySettings.parse(value)
}
