import type { Configuration } from 'oidc-provider'
import { ownClients } from '@pop-api/protocol'
import { WorkloadError } from '@pop-api/workload'
import type { DevUsers } from '../dev-users.ts'

/** The public client of the command line: it holds no secret, so whatever it is given is bound to its PKCE verifier. */
const commandLineClient = ownClients.commandLine

export const deviceGrant = 'urn:ietf:params:oauth:grant-type:device_code'

/**
 * Every client of the realm: the gateway's, which alone signs users in with their passwords, the command line's, and the service
 * clients. Throws `boot-invalid` when two have one name.
 */
export function clientsOf(
  gateway: { readonly client_id: string; readonly client_secret: string },
  { clients }: DevUsers,
): Configuration['clients'] {
  const noBrowser = { redirect_uris: [], response_types: [] }
  const all: Configuration['clients'] = [
    { ...gateway, ...noBrowser, grant_types: ['password', 'refresh_token'] },
    {
      client_id: commandLineClient,
      client_name: 'POP command line',
      application_type: 'native',
      token_endpoint_auth_method: 'none',
      // RFC 8252 section 7.3: a loopback redirect of a native client, by address and not by name, may have any port.
      redirect_uris: ['http://127.0.0.1/callback', 'http://[::1]/callback'],
      response_types: ['code'],
      response_modes: ['query'],
      grant_types: ['authorization_code', 'refresh_token', deviceGrant],
    },
    ...clients.map(({ client_id, client_secret, jwks }) => {
      const service = { client_id, ...noBrowser, grant_types: ['client_credentials'] }
      return jwks === undefined
        ? { ...service, client_secret }
        : { ...service, jwks, token_endpoint_auth_method: 'private_key_jwt' as const }
    }),
  ]
  const names = all.map(({ client_id }) => client_id)
  const twice = names.find((name, index) => names.indexOf(name) !== index)
  if (twice === undefined) return all
  throw new WorkloadError(
    'boot-invalid',
    `Two clients are named ${JSON.stringify(twice)}: give one of them another name.`,
  )
}
