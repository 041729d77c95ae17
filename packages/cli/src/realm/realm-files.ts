import { randomBytes } from 'node:crypto'
import { mkdir, rm } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { isJsonObject, parseStrictJson } from '@pop-api/protocol'
import { usageFailure } from '../command-failure.ts'
import { readOwnFile, writeOwnFile } from '../up/own-file.ts'

/** Where the gateway's own secret at the identity provider lies, unless the settings say another place. */
export function gatewaySecretPath(home: string): string {
  return join(home, 'gateway', 'oidc-client-secret')
}

/** Where control's secret at Keycloak lies: with it control manages users. */
export function controlSecretPath(home: string): string {
  return join(home, 'control', 'keycloak-client-secret')
}

/** Where a service client's secret lies, for whoever runs that program. */
export function serviceSecretPath(home: string, clientId: string): string {
  return join(home, 'realm', `${clientId}.secret`)
}

/** Where `pop realm apply` keeps what the provider's certificate comes from, for the commands of this home. */
export function issuerCaPath(home: string): string {
  return join(home, 'realm', 'ca.pem')
}

/** A secret of 256 bits that is made once. */
export async function ensureSecret(path: string): Promise<string> {
  const kept = await readOwnFile(path)
  if (kept !== undefined) return kept.trim()
  await mkdir(dirname(path), { recursive: true, mode: 0o700 })
  const secret = randomBytes(32).toString('base64url')
  await writeOwnFile(path, secret)
  return secret
}

/** What `pop realm apply` found out and a start must know. */
export interface RealmFacts {
  readonly issuer: string
  /** client_id → subject of its service account. */
  readonly serviceClients: Readonly<Record<string, string>>
}

function factsPath(home: string): string {
  return join(home, 'realm', 'realm.json')
}

/** `ca`: PEM of `identity.ca`; undefined where the settings name none. */
export async function writeRealmFacts(
  home: string,
  { issuer, serviceClients }: RealmFacts,
  ca: string | undefined,
): Promise<void> {
  const path = factsPath(home)
  await mkdir(dirname(path), { recursive: true, mode: 0o700 })
  await writeOwnFile(path, `${JSON.stringify({ issuer, service_clients: serviceClients }, undefined, 2)}\n`)
  if (ca === undefined) await rm(issuerCaPath(home), { force: true })
  else await writeOwnFile(issuerCaPath(home), ca)
}

/** Undefined where no realm was applied from this home. Throws a CommandFailure (usage) for a file in another shape. */
export async function readRealmFacts(home: string): Promise<RealmFacts | undefined> {
  const path = factsPath(home)
  const text = await readOwnFile(path)
  if (text === undefined) return undefined
  const parsed = parseStrictJson(text)
  const { issuer, service_clients: services } = parsed.ok && isJsonObject(parsed.value) ? parsed.value : {}
  const subjects = isJsonObject(services) ? Object.entries(services) : undefined
  if (typeof issuer !== 'string' || subjects === undefined) throw broken(path)
  return {
    issuer,
    serviceClients: Object.fromEntries(
      subjects.map(([id, subject]) => {
        if (typeof subject !== 'string') throw broken(path)
        return [id, subject]
      }),
    ),
  }
}

function broken(path: string) {
  return usageFailure(`${path} is not what pop realm apply writes: run it again`)
}
