import type { Policy } from '@pop-api/policy'
import { proofAlgorithmNames, type Manifest } from '@pop-api/protocol'
import type { GatewaySettings } from '@pop-api/settings'
import type { Metrics } from '../metrics/metrics.ts'
import { describeApi } from './describe-api.ts'
import type { OpenOperation, OwnOperation } from './operation.ts'
import { jsonAnswer } from './serve.ts'

/** What the gateway's own operations tell of; each getter gives what is present. */
export interface OwnOptions {
  /** `https://host:port` as clients call it. */
  readonly address: () => string
  readonly settings: () => GatewaySettings
  readonly policy: () => Policy
  readonly manifests: () => readonly Manifest[]
  readonly metrics: Metrics
}

/** Operations of the gateway itself that only tell; `all` gives every one that is mounted, for the description of them. */
export function ownOperations(
  options: OwnOptions,
  all: () => readonly (OwnOperation | OpenOperation)[],
): readonly OwnOperation[] {
  return [
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
      path: '/openapi.json',
      summary: 'What you may call',
      action: 'api_description_read',
      requires: undefined,
      serve: ({ permitted }) => {
        const own = all().filter((operation) => operation.kind === 'own')
        const described = { ...options, policy: options.policy(), manifests: options.manifests(), own }
        return jsonAnswer(200, describeApi(permitted.identified.caller, described))
      },
    },
  ]
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
        dpop_signing_alg_values_supported: proofAlgorithmNames,
        tls_client_certificate_bound_access_tokens: settings().listeners.gateway_mtls,
        resource_name: 'POP API',
      }),
  }
}
