import { nearWord } from './near-word.ts'
import { noteAt, type Places, type SettingsNote } from './places.ts'
import { realmPlaceOf } from './realm-place.ts'
import type { EnvironmentMode, SettingsFile } from './schema.ts'

/** Role permissions that operations of ours ask for. Modules of others may ask for others. */
const rolePermissions = [
  'create_resource',
  'delete_resource',
  'modify_settings',
  'view_metrics',
  'view_own_resources',
  'view_public_resources',
  'view_any_resources',
]

/** Faults between values that are each as they must be. */
export function contradictions(file: SettingsFile, places: Places): readonly SettingsNote[] {
  return [...environmentFaults(file, places), ...grantFaults(file, places)]
}

/**
 * Why nothing is started with settings that are good in themselves. `pop up` refuses them with these words, and `pop config check`
 * tells them before.
 */
export function startFaults(file: SettingsFile, places: Places): readonly SettingsNote[] {
  const { provider, issuer } = file.identity
  const key = ['identity', 'provider']
  if (provider === 'keycloak') {
    const message =
      issuer === undefined
        ? 'is missing: provider keycloak needs the exact iss of its tokens'
        : `expected https://HOST/realms/NAME, letter for letter as Keycloak spells iss, without a slash at the end; found ${issuer}`
    const isGood = issuer !== undefined && realmPlaceOf(issuer) !== undefined
    return isGood ? [] : [noteAt(places, ['identity', 'issuer'], message)]
  }
  if (file.environment !== 'production') return []
  const next = 'Set identity.provider: keycloak and identity.issuer, or environment: development'
  const message = `production does not start with the embedded identity provider. ${next}`
  const { line } = noteAt(places, places.document.hasIn(['identity']) ? key : ['environment'], message)
  return [{ line, key: key.join('.'), message }]
}

/** What is probably not meant. Speaks of what stands in the file, and of one default that production should not have. */
export function warningsOf(file: SettingsFile, places: Places): readonly SettingsNote[] {
  const known = new Set(Object.values(file.module_permissions).flat())
  const granted = Object.entries(file.grants ?? {}).flatMap(([role, list]) =>
    list
      .filter((permission) => !known.has(permission))
      .map((permission) => {
        const message = `${permission} is in no module_permissions and grants nothing until a module declares it`
        return noteAt(places, ['grants', role], message)
      }),
  )
  const held = Object.entries(file.roles).flatMap(([role, list]) =>
    list
      .filter((permission) => !rolePermissions.includes(permission))
      .map((permission) => noteAt(places, ['roles', role], unusedPermission(permission))),
  )
  return [
    ...held,
    ...granted,
    ...passwordGrantWarning(file, places),
    ...lockoutWarning(file, places),
    ...bindingWarnings(file, places),
  ]
}

/** RFC 9700 section 2.4: every application that asks for passwords is one more place that could lose them. */
function passwordGrantWarning({ environment, identity }: SettingsFile, places: Places): readonly SettingsNote[] {
  if (environment !== 'production' || !identity.password_grant) return []
  const message =
    'POST /oauth/token takes passwords, which RFC 9700 forbids: set it to false once every client signs in by browser or device code'
  return [noteAt(places, ['identity', 'password_grant'], message)]
}

/** At the provider's own pages no gateway sees who asks from where. */
function lockoutWarning({ lockout, identity }: SettingsFile, places: Places): readonly SettingsNote[] {
  if (lockout.scope === 'account' || identity.password_grant) return []
  const message =
    'no gateway sees a password where identity.password_grant is false: the provider alone counts, and takes ten times as many ' +
    'failures; expected scope account'
  return [noteAt(places, ['lockout', 'scope'], message)]
}

/** Where no listener asks for certificates, a token that is bound to one is of no use to anybody. */
function bindingWarnings({ realm, listeners }: SettingsFile, places: Places): readonly SettingsNote[] {
  if (listeners.gateway_mtls) return []
  const bound = Object.entries(realm.services).filter(([, service]) => service.bound === 'certificate')
  const message =
    'no gateway takes tokens that are bound to a certificate without the listener that asks for one; expected ' +
    'listeners.gateway_mtls: true'
  return bound.map(([id]) => noteAt(places, ['realm', 'services', id, 'bound'], message))
}

function unusedPermission(permission: string): string {
  const meant = nearWord(permission, rolePermissions)
  const hint = meant === undefined ? '' : `; did you mean ${meant}?`
  return `${permission} is asked for by no operation of POP API, only by modules that define it${hint}`
}

function environmentFaults(file: SettingsFile, places: Places): readonly SettingsNote[] {
  const mode = modeOf(file)
  if (mode === undefined) {
    const known = Object.keys(file.environments).join(', ')
    const found = places.document.hasIn(['environment'])
      ? `, found ${file.environment}`
      : `; without this key it is ${file.environment}`
    return [noteAt(places, ['environment'], `expected one of environments (${known})${found}`)]
  }
  // `production` is not a name only: it refuses what belongs to development.
  if (file.environment !== 'production') return []
  const at = (key: string): readonly string[] => ['environments', 'production', key]
  return [
    ...(mode.require_mTLS ? [] : [noteAt(places, at('require_mTLS'), 'production needs require_mTLS: true')]),
    ...(mode.allow_test_tokens
      ? [noteAt(places, at('allow_test_tokens'), 'production needs allow_test_tokens: false')]
      : []),
  ]
}

/** The block of `environments` that is in force; undefined where there is none of that name. */
export function modeOf({ environment, environments }: SettingsFile): EnvironmentMode | undefined {
  return Object.hasOwn(environments, environment) ? environments[environment] : undefined
}

function grantFaults({ grants, roles }: SettingsFile, places: Places): readonly SettingsNote[] {
  const known = Object.keys(roles)
  return Object.keys(grants ?? {})
    .filter((role) => !known.includes(role))
    .map((role) => {
      const message = `there is no such role: expected one of roles (${known.join(', ')})`
      return noteAt(places, ['grants', role], message)
    })
}
