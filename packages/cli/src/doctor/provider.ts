import { readFile } from 'node:fs/promises'
import { isJsonObject, parseStrictJson, type JsonObject } from '@pop-api/protocol'
import { errorCode } from '../up/own-file.ts'
import { ask } from './ask.ts'
import { fail, ok, skip, type Finding } from './finding.ts'
import type { Patient } from './patient.ts'

/** Whether the identity provider says who it is, and gives the keys that tokens are verified by. */
export async function checkProvider({
  run,
  settings,
  roots,
}: Pick<Patient, 'run' | 'settings' | 'roots'>): Promise<Finding> {
  const identity = settings?.settings.identity
  const issuer = run?.issuer ?? (identity?.provider === 'keycloak' ? identity.issuer : undefined)
  if (issuer === undefined) return skip('provider', 'the embedded provider does not run')
  const remedy =
    run?.processes['identity'] === undefined
      ? 'Is identity.issuer in pop.yaml right, and the provider up?'
      : 'See: pop logs identity'
  const own = run === undefined && identity?.ca !== undefined ? await readCa(identity.ca) : []
  if (own === undefined)
    return fail('provider', `identity.ca ${identity?.ca} cannot be read`, 'Give the file with the CA of the provider')
  const trusted = [...own, ...roots]
  const discovery = await askDocument(`${issuer.replace(/\/$/, '')}/.well-known/openid-configuration`, trusted)
  if ('fault' in discovery) return fail('provider', `the discovery of ${issuer}: ${discovery.fault}`, remedy)
  const { issuer: named, jwks_uri: keysAt } = discovery.document
  if (named !== issuer)
    return fail(
      'provider',
      `${issuer} calls itself ${String(named)}: its tokens are refused`,
      'identity.issuer must be the exact iss',
    )
  const url = typeof keysAt === 'string' ? URL.parse(keysAt) : null
  if (url === null) return fail('provider', `the discovery of ${issuer} names no jwks_uri`, remedy)
  const keys = await askDocument(url.href, trusted)
  if ('fault' in keys) return fail('provider', `the keys at ${url.href}: ${keys.fault}`, remedy)
  const list: unknown = keys.document['keys']
  if (!Array.isArray(list) || list.length === 0)
    return fail('provider', `${url.href} has no keys: no token can be verified`, remedy)
  return ok('provider', `${issuer} has ${list.length === 1 ? 'one key' : `${list.length} keys`}`)
}

async function askDocument(
  url: string,
  roots: readonly string[],
): Promise<{ readonly document: JsonObject } | { readonly fault: string }> {
  const asked = await ask(new URL(url), roots)
  if (!asked.answered) return { fault: asked.why }
  if (asked.status !== 200) return { fault: `it answered ${asked.status}` }
  const parsed = parseStrictJson(asked.body)
  return parsed.ok && isJsonObject(parsed.value)
    ? { document: parsed.value }
    : { fault: 'it answered something else than one JSON object' }
}

async function readCa(path: string): Promise<readonly string[] | undefined> {
  try {
    return [await readFile(path, 'utf8')]
  } catch (error) {
    if (errorCode(error) === 'unknown') throw error
    return undefined
  }
}
