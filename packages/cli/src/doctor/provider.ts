import { isJsonObject, parseStrictJson, type JsonObject } from '@pop-api/protocol'
import { realmPlaceOf, type RealmPlace } from '@pop-api/settings'
import { ask } from './ask.ts'
import { fail, ok, skip, type Finding } from './finding.ts'
import type { Patient } from './patient.ts'

/** Whether the identity provider says who it is, and gives the keys that tokens are verified by. */
export async function checkProvider({
  run,
  settings,
  issuerRoots,
}: Pick<Patient, 'run' | 'settings' | 'issuerRoots'>): Promise<Finding> {
  const identity = settings?.settings.identity
  const issuer = run?.issuer ?? (identity?.provider === 'keycloak' ? identity.issuer : undefined)
  if (issuer === undefined) return skip('provider', 'the embedded provider does not run')
  const isOurs = run?.processes['identity'] !== undefined
  const remedy = isOurs
    ? 'See: pop logs identity'
    : 'Are identity.issuer and identity.ca in pop.yaml right, and is the provider up?'
  const trusted = await issuerRoots()
  const discovery = await askDocument(`${issuer.replace(/\/$/, '')}/.well-known/openid-configuration`, trusted)
  if ('fault' in discovery) {
    const place = realmPlaceOf(issuer)
    if (discovery.status === 404 && place !== undefined && !isOurs) return noRealm(place)
    return fail('provider', `the discovery of ${issuer}: ${discovery.fault}`, remedy)
  }
  const { issuer: named, jwks_uri: keysAt } = discovery.document
  if (named !== issuer)
    return fail(
      'provider',
      `the provider calls itself ${String(named)}, pop.yaml says ${issuer}: its tokens are refused`,
      isOurs
        ? remedy
        : 'Set identity.issuer to what it calls itself, or start Keycloak with the --hostname of pop.yaml',
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

function noRealm({ server, realm }: RealmPlace): Finding {
  const next =
    'Run `pop realm apply`; where the realm is there, the path of the server in identity.issuer is another one'
  return fail('provider', `there is no realm ${realm} at ${server}`, next)
}

async function askDocument(
  url: string,
  roots: readonly string[],
): Promise<{ readonly document: JsonObject } | { readonly fault: string; readonly status?: number }> {
  const asked = await ask(new URL(url), roots)
  if (!asked.answered) return { fault: asked.why }
  if (asked.status !== 200) return { fault: `it answered ${asked.status}`, status: asked.status }
  const parsed = parseStrictJson(asked.body)
  return parsed.ok && isJsonObject(parsed.value)
    ? { document: parsed.value }
    : { fault: 'it answered something else than one JSON object' }
}
