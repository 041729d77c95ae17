import { execFile } from 'node:child_process'
import { join } from 'node:path'
import { gatewaySection, type GatewaySettings, type Settings } from '@pop-api/settings'
import { usageFailure } from '../command-failure.ts'
import { ensureSecret, gatewaySecretPath, readRealmFacts } from '../realm/realm-files.ts'
import { devUsersPath, readDevUsers } from '../dev/dev-users-file.ts'
import { childEnvironment } from './child-environment.ts'
import type { FoundSettings } from './find-settings.ts'
import { readOwnFile } from './own-file.ts'
import { programPath } from './programs.ts'

/** All that is known before the first process starts. */
export interface Prepared {
  readonly home: string
  readonly settings: Settings
  /** The settings section for gateways; the issuer of the embedded provider is known only once that runs. */
  readonly section: GatewaySettings
  /** The gateway's secret at the embedded provider; undefined when there is another provider. */
  readonly clientSecret: string | undefined
}

/** Where the public CA's certificate of a home stands, for clients and for the gateway. */
export function publicCaPath(home: string): string {
  return join(home, 'ca.pem')
}

/**
 * Makes what the first start with the embedded provider needs: the users of development and the gateway's secret. Throws a
 * CommandFailure (usage).
 */
export async function prepare(
  home: string,
  { settings }: FoundSettings,
  environment: Readonly<NodeJS.ProcessEnv>,
): Promise<Prepared> {
  if (settings.identity.provider !== 'embedded') {
    return { home, settings, section: await keycloakSection(home, settings), clientSecret: undefined }
  }
  const clientSecretPath = gatewaySecretPath(home)
  const clientSecret = await ensureSecret(clientSecretPath)
  const section = gatewaySection(settings, {
    ca: publicCaPath(home),
    client_secret: { file: clientSecretPath },
    service_clients: { ...settings.identity.service_clients, ...(await ensureDevUsers(home, environment)) },
  })
  return { home, settings, section, clientSecret }
}

/** What `pop realm apply` has left in the home, for the gateway; the settings' own words go before. */
async function keycloakSection(home: string, settings: Settings): Promise<GatewaySettings> {
  const { identity } = settings
  const facts = await readRealmFacts(home)
  if (identity.client_secret === undefined && (await readOwnFile(gatewaySecretPath(home))) === undefined) {
    const next = 'Run pop realm apply, or name it with identity.client_secret'
    throw usageFailure(`the gateway has no secret at the identity provider yet. ${next}`)
  }
  if (facts !== undefined && facts.issuer !== identity.issuer) {
    const next = 'Run pop realm apply with these settings'
    throw usageFailure(`identity.issuer is ${identity.issuer}, and this home was set up for ${facts.issuer}. ${next}`)
  }
  return gatewaySection(settings, {
    client_secret: identity.client_secret ?? { file: gatewaySecretPath(home) },
    service_clients: { ...facts?.serviceClients, ...identity.service_clients },
    // The client that an apply makes with the gateway's secret, since Keycloak tells nobody else of tokens for that audience.
    ...(facts === undefined ? {} : { introspection_client: identity.introspection_client ?? identity.audience }),
  })
}

/** Makes the users where there are none, by the provider's own program; gives client_id → subject of the service clients. */
export async function ensureDevUsers(home: string, own: Readonly<NodeJS.ProcessEnv>): Promise<Record<string, string>> {
  const environment = childEnvironment(own, [])
  const words = [...process.execArgv, programPath('make-dev-users'), devUsersPath(home)]
  const failure = await new Promise<string | undefined>((resolve) => {
    execFile(process.execPath, words, { env: environment }, (error, _output, errors) => {
      resolve(error === null ? undefined : errors.trim() || error.message)
    })
  })
  if (failure !== undefined) throw usageFailure(failure)
  const { clients } = (await readDevUsers(home)) ?? { clients: [] }
  return Object.fromEntries(clients.map((client) => [client.client_id, client.subject]))
}
