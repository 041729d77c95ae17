import {
  ClientSecretBasic,
  Configuration,
  customFetch,
  discovery,
  type ClientAuth,
  type CustomFetch,
} from 'openid-client'
import type { Agent } from 'undici'
import { fetchThrough, openAgent } from './ask.ts'
import { explainDiscovery } from './explain-discovery.ts'

/** What must be read before the provider can be asked. */
export interface ProviderSecrets {
  readonly clientSecret: string
  /** CA certificates that the issuer's certificate comes from, PEM; the system's where undefined. */
  readonly ca: string | undefined
}

export interface ProviderOptions {
  readonly issuer: string
  /** The gateway's own client. */
  readonly clientId: string
  /** As whom it asks about tokens, with the same secret. */
  readonly introspectionClient: string
  /** Called before the first question, and again after a failure. */
  readonly secrets: () => Promise<ProviderSecrets>
}

/** What the provider is asked for: `tokens` that somebody comes with, and those that strangers ask about at the endpoints. */
type Purpose = 'signIn' | 'tokens' | 'strangers' | 'keys'

/** How many connections each has: what hangs at one holds up no other. */
const connectionsOf: Readonly<Record<Purpose, number>> = { signIn: 16, tokens: 16, strangers: 8, keys: 2 }

/** One way to the provider, on connections of its own. */
export interface Way {
  readonly ask: CustomFetch
  /** As the gateway's own client. */
  readonly configuration: Configuration
}

/** A provider whose metadata is known. */
export interface Connection extends Readonly<Record<Purpose, Way>> {
  /** The gateway's own. */
  readonly clientSecret: string
}

const timeoutSeconds = 10

/** Connects at the first call and keeps what it found; after a failure the next call tries again. Disposal ends all connections. */
export function connectOnce(options: ProviderOptions): (() => Promise<Connection>) & AsyncDisposable {
  let agents: readonly Agent[] = []
  let found: Promise<Connection> | undefined
  const connect = async (): Promise<Connection> => {
    try {
      const { clientSecret, ca } = await options.secrets()
      const open = (purpose: Purpose): CustomFetch => {
        const agent = openAgent(ca, connectionsOf[purpose])
        agents = [...agents, agent]
        return fetchThrough(agent)
      }
      const ask = open('keys')
      const settings = { [customFetch]: ask, timeout: timeoutSeconds }
      const method = ClientSecretBasic(clientSecret)
      const configuration = await discovery(new URL(options.issuer), options.clientId, {}, method, settings)
      const keys = { ask, configuration }
      const other = (purpose: Purpose): Way => wayOf(keys, open(purpose), options.clientId, method)
      return { clientSecret, keys, signIn: other('signIn'), tokens: other('tokens'), strangers: other('strangers') }
    } catch (error) {
      found = undefined
      await destroyAgents()
      throw explainDiscovery(error, options.issuer)
    }
  }
  const destroyAgents = async (): Promise<void> => {
    const opened = agents
    agents = []
    await Promise.all(opened.map((agent) => agent.destroy()))
  }
  return Object.assign(() => (found ??= connect()), {
    [Symbol.asyncDispose]: async () => {
      // Whatever comes of an attempt under way, its connections are ended here.
      await Promise.allSettled([found])
      await destroyAgents()
    },
  })
}

/** The same provider by other connections, or as another client. */
export function wayOf({ configuration }: Way, ask: CustomFetch, clientId: string, method: ClientAuth): Way {
  const other = new Configuration(configuration.serverMetadata(), clientId, {}, method)
  other[customFetch] = ask
  other.timeout = timeoutSeconds
  return { ask, configuration: other }
}
