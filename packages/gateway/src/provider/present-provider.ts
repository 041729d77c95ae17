import { readFile } from 'node:fs/promises'
import { readSecretFile } from '@pop-api/keyring'
import type { GatewaySettings, SecretReference } from '@pop-api/settings'
import type { ProviderSecrets } from './connect.ts'
import { connectProvider, type Provider } from './provider.ts'

const secretBytesMax = 4096

/** Gives the provider of the present settings; connects anew when they name another one, or another client. */
export function presentProvider(settings: () => GatewaySettings): (() => Provider) & AsyncDisposable {
  let described = ''
  let provider: Provider | undefined
  const get = (): Provider => {
    const { identity } = settings()
    const now = JSON.stringify(identity)
    if (provider !== undefined && now === described) return provider
    if (provider !== undefined) void provider[Symbol.asyncDispose]()
    described = now
    provider = connectProvider({
      issuer: identity.issuer ?? '',
      clientId: identity.client_id,
      introspectionClient: identity.introspection_client ?? identity.client_id,
      secrets: () => readSecrets(identity),
    })
    return provider
  }
  return Object.assign(get, { [Symbol.asyncDispose]: async () => provider?.[Symbol.asyncDispose]() })
}

async function readSecrets({ client_secret: reference, ca }: GatewaySettings['identity']): Promise<ProviderSecrets> {
  if (reference === undefined) throw new Error('The settings name no identity.client_secret.')
  const clientSecret = (await readReference(reference)).trim()
  return { clientSecret, ca: ca === undefined ? undefined : await readFile(ca, 'utf8') }
}

async function readReference(reference: SecretReference): Promise<string> {
  if ('env' in reference) {
    const value = process.env[reference.env]
    if (value === undefined || value === '') throw new Error(`The environment has no ${reference.env}.`)
    return value
  }
  const content = await readSecretFile(reference.file, secretBytesMax)
  if (content === undefined) throw new Error(`There is no ${reference.file}.`)
  return content.toString('utf8')
}
