import { isJsonObject, isPlainText, isTextList, type JsonObject } from '@pop-api/protocol'
import { applyRealm, planRealm, type Progress } from './configure-realm.ts'
import { connectAdmin, explain, type Administrator } from './connect-admin.ts'
import { exportRealm } from './export-realm.ts'
import { hasOperator } from './find-operator.ts'
import { listKeys, retireKeys, rotateKeys } from './parts/key-part.ts'
import { parseRealmRequest, type RealmRequest } from './realm-request.ts'
import { refuseOtherIssuer } from './refuse-other-issuer.ts'

const verbs = ['plan', 'apply', 'export', 'keys', 'rotate-keys', 'retire-keys'] as const
type Verb = (typeof verbs)[number]

/** What the command asks for. */
export interface RealmOrder {
  readonly verb: Verb
  /** PEM of the CA that the server's certificate comes from, beside those that this machine trusts. */
  readonly ca: string | undefined
  readonly prune: boolean
  /** Undefined only for an export, which asks nobody. */
  readonly administrator: Administrator | undefined
  readonly request: RealmRequest
  /** Roles whose holders are operators; an apply tells whether somebody is one. */
  readonly operatorRoles: readonly string[]
}

/** Reads an order. Throws a TypeError that names the member. */
export function parseRealmOrder(value: unknown): RealmOrder {
  const order = isJsonObject(value) ? value : {}
  const verb = verbs.find((one) => one === order['verb'])
  if (verb === undefined) throw new TypeError('The order for the realm has no usable "verb".')
  const { ca, administrator, operator_roles: operatorRoles } = order
  return {
    verb,
    ca: typeof ca === 'string' ? ca : undefined,
    prune: order['prune'] === true,
    administrator: isJsonObject(administrator) ? parseAdministrator(administrator) : undefined,
    request: parseRealmRequest(order['request']),
    operatorRoles: isTextList(operatorRoles, 1000, 256) ? operatorRoles : [],
  }
}

/** Carries an order out; what comes back can be shown. Throws a RealmError. */
export async function answerRealm(order: RealmOrder, progress: Progress): Promise<object> {
  const { verb, request, administrator, prune, operatorRoles } = order
  if (verb === 'export') return exportRealm(request)
  if (administrator === undefined) throw new TypeError('The order for the realm names no administrator.')
  const keycloak = await connectAdmin(administrator, request.realm)
  if (verb === 'plan' || verb === 'apply') {
    await refuseOtherIssuer(administrator, request.realm)
    if (verb === 'plan') return planRealm(keycloak, request, progress)
    const report = await applyRealm(keycloak, request, { prune, progress })
    return { ...report, hasOperator: await hasOperator(keycloak, request.realm, operatorRoles) }
  }
  try {
    if (verb === 'rotate-keys') await rotateKeys(keycloak, request.realm, Date.now())
    const retired = verb === 'retire-keys' ? await retireKeys(keycloak, request.realm) : []
    return { retired, keys: await listKeys(keycloak, request.realm) }
  } catch (error) {
    throw explain(error, `change the keys of ${request.realm}`)
  }
}

function parseAdministrator({ server, realm, username, password, client_id, secret }: JsonObject): Administrator {
  if (!isPlainText(server, 2048) || !isPlainText(realm, 256)) throw unusable()
  if (isPlainText(username, 256) && isPlainText(password, 4096))
    return { server, realm, credentials: { kind: 'person', username, password } }
  if (isPlainText(client_id, 256) && isPlainText(secret, 4096))
    return { server, realm, credentials: { kind: 'client', clientId: client_id, secret } }
  throw unusable()
}

function unusable(): TypeError {
  return new TypeError('The order for the realm has no usable "administrator".')
}
