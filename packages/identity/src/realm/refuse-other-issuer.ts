import { isJsonObject, parseStrictJson } from '@pop-api/protocol'
import { explain, RealmError, timeoutMs, type Administrator } from './connect-admin.ts'

/**
 * Refuses a realm whose tokens no gateway would take, since Keycloak spells its `iss` otherwise than the settings. One that is not
 * there, or is switched off, says nothing of itself: then the administrators' realm at the same server tells how it would be spelt.
 * Throws a RealmError.
 */
export async function refuseOtherIssuer(administrator: Administrator, realm: string): Promise<void> {
  const { server, realm: ofAdministrators } = administrator
  const wanted = `${server}/realms/${realm}`
  const own = await issuerOf(wanted)
  if (own === wanted) return
  const neighbour = `/realms/${ofAdministrators}`
  const others = own === undefined ? await issuerOf(`${server}${neighbour}`) : undefined
  const named = own ?? (others?.endsWith(neighbour) === true ? others.replace(/[^/]*$/, realm) : others)
  if (named === wanted) return
  if (named === undefined)
    throw new RealmError(`${server} does not say how it spells its issuers: is it Keycloak, and its path right?`)
  const next = `Set identity.issuer to what it says, or start Keycloak with --hostname=${server}`
  throw new RealmError(
    `The settings say identity.issuer ${wanted}, and Keycloak says ${named}: every token would be refused. ${next}.`,
  )
}

/** What the discovery document of a realm says; undefined where there is none (OpenID Connect Discovery 1.0 section 4). */
async function issuerOf(address: string): Promise<string | undefined> {
  try {
    const url = `${address}/.well-known/openid-configuration`
    const answer = await fetch(url, { redirect: 'manual', signal: AbortSignal.timeout(timeoutMs) })
    const parsed = parseStrictJson(await answer.text())
    const issuer = answer.status === 200 && parsed.ok && isJsonObject(parsed.value) ? parsed.value['issuer'] : undefined
    return typeof issuer === 'string' ? issuer : undefined
  } catch (error) {
    throw explain(error, `read how ${address} calls itself`)
  }
}
