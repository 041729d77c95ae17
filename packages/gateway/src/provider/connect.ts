import { ClientSecretBasic, customFetch, discovery, type Configuration, type CustomFetch } from 'openid-client'
import type { Agent } from 'undici'
import { fetchThrough, openAgent } from './ask.ts'

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

/** A provider whose metadata is known. */
export interface Connection {
  readonly ask: CustomFetch
  /** The gateway's own. */
  readonly clientSecret: string
  /** As the gateway's own client. */
  readonly configuration: Configuration
}

export const timeoutSeconds = 10

/** Connects at the first call and keeps what it found; after a failure the next call tries again. Disposal ends all connections. */
export function connectOnce(options: ProviderOptions): (() => Promise<Connection>) & AsyncDisposable {
  let agent: Agent | undefined
  let found: Promise<Connection> | undefined
  const connect = async (): Promise<Connection> => {
    try {
      const { clientSecret, ca } = await options.secrets()
      agent = openAgent(ca)
      const ask = fetchThrough(agent)
      const settings = { [customFetch]: ask, timeout: timeoutSeconds }
      const method = ClientSecretBasic(clientSecret)
      const configuration = await discovery(new URL(options.issuer), options.clientId, {}, method, settings)
      return { ask, clientSecret, configuration }
    } catch (error) {
      found = undefined
      await agent?.destroy()
      throw error
    }
  }
  return Object.assign(() => (found ??= connect()), {
    [Symbol.asyncDispose]: async () => {
      // Whatever comes of an attempt under way, its connections are ended here.
      await Promise.allSettled([found])
      await agent?.destroy()
    },
  })
}
