import { readFile } from 'node:fs/promises'
import KeycloakAdminClient from '@keycloak/keycloak-admin-client'
import { readSecretFile } from '@pop-api/keyring'
import { ownClients } from '@pop-api/protocol'
import type { GatewaySettings } from '@pop-api/settings'
import { Agent } from 'undici'
import { notManaged, refusalOf, signInRefusal } from './keycloak-refusal.ts'

/**
 * Asks Keycloak as control's own client, on connections and with a token that end with the work. Rejects with `users-not-managed` where
 * this control has no users to manage, `identity-unavailable` where Keycloak does not answer in time or answers nonsense, and with what
 * Keycloak's refusals mean (`refusalOf`); a PopError of the work itself passes.
 */
export type AskKeycloak = <T>(
  work: (keycloak: KeycloakAdminClient) => Promise<T>,
  /** Ends the work before its time. */
  signal?: AbortSignal,
) => Promise<T>

/** Where the users are, and what control shows there. */
export interface KeycloakAccess {
  readonly identity: () => GatewaySettings['identity']
  /** File with the secret of control's client, read anew each time. */
  readonly secretFile: string
  /** All that one piece of work may take; default 6 s: a gateway waits 10 s for an answer. */
  readonly timeoutMs?: number
}

const timeoutMsUnlessTold = 6_000
const requestTimeoutMs = 4_000
const secretBytesMax = 4096
const answerBytesMax = 4 * 1024 * 1024

/** Makes the way to ask. Nothing is asked and nothing is read before the first piece of work. */
export function askKeycloakOf({ identity, secretFile, timeoutMs = timeoutMsUnlessTold }: KeycloakAccess): AskKeycloak {
  return async (work, signal) => {
    const { server, realm, ca } = await placeOf(identity())
    const clientSecret = await readSecret(secretFile)
    const agent = new Agent({
      headersTimeout: requestTimeoutMs,
      bodyTimeout: requestTimeoutMs,
      maxResponseSize: answerBytesMax,
      connect: { minVersion: 'TLSv1.3', timeout: requestTimeoutMs, ...(ca === undefined ? {} : { ca }) },
    })
    // Whatever is under way then fails, and whatever is asked later.
    const end = (): void =>
      void agent.destroy(new Error(`The work at Keycloak was ended after at most ${timeoutMs} ms.`))
    const late = setTimeout(end, timeoutMs)
    signal?.addEventListener('abort', end)
    try {
      const keycloak = new KeycloakAdminClient({
        baseUrl: server,
        realmName: realm,
        // A redirect could lead the token elsewhere.
        requestOptions: { redirect: 'error', ...through(agent) },
      })
      await signIn(keycloak, clientSecret)
      return await work(keycloak)
    } catch (failure) {
      throw refusalOf(failure)
    } finally {
      clearTimeout(late)
      signal?.removeEventListener('abort', end)
      await agent.destroy()
    }
  }
}

interface Place {
  /** `https://host[:port][/path]`, without `/realms`. */
  readonly server: string
  readonly realm: string
  /** PEM; the system's where undefined. */
  readonly ca: string | undefined
}

const issuerShape = /^(https:\/\/[^?#]+)\/realms\/([^/?#]+)$/

async function placeOf({ provider, issuer, ca }: GatewaySettings['identity']): Promise<Place> {
  if (provider !== 'keycloak')
    throw notManaged(
      'The users of the embedded identity provider stand in dev-users.json of its home: change them there.',
    )
  const [, server, realm] = issuerShape.exec(issuer ?? '') ?? []
  if (server === undefined || realm === undefined)
    throw notManaged('identity.issuer of pop.yaml is not the address of a realm: https://HOST/realms/NAME.')
  return { server, realm: decodeURIComponent(realm), ca: ca === undefined ? undefined : await readFile(ca, 'utf8') }
}

async function readSecret(path: string): Promise<string> {
  const content = await readSecretFile(path, secretBytesMax)
  const secret = content?.toString('utf8').trim()
  if (secret !== undefined && secret !== '') return secret
  throw notManaged('Control has no secret at Keycloak yet: run pop realm apply in the home of this control.')
}

async function signIn(keycloak: KeycloakAdminClient, clientSecret: string): Promise<void> {
  try {
    await keycloak.auth({ grantType: 'client_credentials', clientId: ownClients.control, clientSecret })
  } catch (failure) {
    throw signInRefusal(failure)
  }
}

/** The `fetch` of Node takes any dispatcher that has the methods of its own undici; the types know only those of that version. */
function through(agent: Agent): NonNullable<ConstructorParameters<typeof KeycloakAdminClient>[0]>['requestOptions'] {
  // Tried: fetch of Node 26 (undici 8.10) goes through an Agent of undici 8.12.
  return { dispatcher: agent } as unknown as RequestInit
}
