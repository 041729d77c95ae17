import type { Policy } from '@pop-api/policy'
import type { Manifest, PolicySection } from '@pop-api/protocol'
import type { GatewaySettings } from '@pop-api/settings'
import type { Metrics } from '../metrics.ts'
import { describeApi } from './describe-api.ts'
import type { OpenOperation, OwnOperation } from './operation.ts'
import { jsonAnswer } from './serve.ts'

/** What the gateway's own operations tell of; each getter gives what is present. */
export interface OwnOptions {
  /** `https://host:port` as clients call it. */
  readonly address: () => string
  readonly settings: () => GatewaySettings
  readonly policySection: () => PolicySection
  readonly policy: () => Policy
  readonly manifests: () => readonly Manifest[]
  readonly metrics: Metrics
}

/** The operations of the gateway itself, for callers with a token. */
export function ownOperations(options: OwnOptions): readonly OwnOperation[] {
  const own: readonly OwnOperation[] = [
    {
      kind: 'own',
      method: 'GET',
      path: '/v1/pop/metrics',
      summary: 'Counts of requests and refusals',
      action: 'metrics_read',
      requires: { role: 'view_metrics' },
      serve: async () => jsonAnswer(200, await options.metrics.json()),
    },
    {
      kind: 'own',
      method: 'GET',
      path: '/v1/pop/settings',
      summary: 'The settings in force',
      action: 'settings_read',
      requires: { role: 'modify_settings' },
      serve: () => jsonAnswer(200, shownSettings(options)),
    },
    {
      kind: 'own',
      method: 'GET',
      path: '/openapi.json',
      summary: 'What you may call',
      action: 'api_description_read',
      requires: undefined,
      serve: (caller) =>
        jsonAnswer(
          200,
          describeApi(caller, { ...options, policy: options.policy(), manifests: options.manifests(), own }),
        ),
    },
  ]
  return own
}

/** `GET /.well-known/oauth-protected-resource` (RFC 9728): where a client that was refused gets a token. */
export function resourceMetadata({ address, settings }: OwnOptions): OpenOperation {
  return {
    kind: 'open',
    method: 'GET',
    path: '/.well-known/oauth-protected-resource',
    summary: 'Where tokens for this API come from',
    action: 'resource_metadata_read',
    serve: () =>
      jsonAnswer(200, {
        resource: address(),
        authorization_servers: [settings().identity.issuer],
        bearer_methods_supported: ['header'],
        resource_name: 'POP API',
      }),
  }
}

/** Without `client_secret`: where a secret lies is nobody's business who has not to fetch it. */
function shownSettings({ settings, policySection }: OwnOptions): object {
  const { identity, ...rest } = settings()
  const { client_secret: _reference, ca: _file, ...shown } = identity
  return { ...rest, identity: shown, ...policySection() }
}
