import type { RealmRequest } from './realm-request.ts'
import { refuseClashes } from './refuse-clashes.ts'
import {
  administration,
  controlClientId,
  controlRoles,
  scopeFields,
  wantedClients,
  wantedModuleClient,
  wantedScopes,
  type WantedClient,
} from './wanted-clients.ts'
import { wantedFlows, type Flow, type FlowStep } from './wanted-flows.ts'
import { wantedPasswordPolicy, wantedRealm } from './wanted-realm.ts'

/**
 * The realm as a file that Keycloak imports at its start (`--import-realm`). Without a secret and without users: secrets are set by
 * `pop realm apply`, and people are not part of a configuration. Throws a RealmError for names that clash.
 */
export function exportRealm(request: RealmRequest): object {
  refuseClashes(request)
  const { realm, roles, modulePermissions, security } = request
  const { flows, configurations } = flattenFlows(wantedFlows(request))
  const clients = wantedClients(request)
  return {
    realm,
    ...wantedRealm(request),
    passwordPolicy: wantedPasswordPolicy(undefined, security.passwordLengthMin),
    roles: {
      realm: roles.map((name) => ({ name, attributes: { 'pop.managed': ['true'] } })),
      client: Object.fromEntries(
        Object.entries(modulePermissions).map(([module, list]) => [
          module,
          list.map((name) => ({ name, clientRole: true })),
        ]),
      ),
    },
    clientScopes: [
      ...builtInScopes,
      ...wantedScopes(request).map(({ name, description, mappers }) => ({
        name,
        description,
        ...scopeFields,
        protocolMappers: mappers.map((one) => ({ protocol: 'openid-connect', ...one })),
      })),
    ],
    clients: [...Object.keys(modulePermissions).map(wantedModuleClient), ...clients].map(clientOf),
    ...carriedRoles(request, clients),
    requiredActions: [
      {
        alias: 'CONFIGURE_TOTP',
        name: 'Configure OTP',
        providerId: 'CONFIGURE_TOTP',
        enabled: true,
        defaultAction: security.requireSecondFactor,
        priority: 10,
      },
    ],
    users: serviceAccounts(request),
    components: { [profileProvider]: [{ providerId: 'declarative-user-profile', config: userProfile }] },
    authenticationFlows: flows,
    authenticatorConfig: configurations,
    ...Object.fromEntries(wantedFlows(request).map(({ slot, alias }) => [slot, alias])),
  }
}

/** A file that has scopes of its own gets none of Keycloak's: those that our clients use are named. */
const builtInScopes = [
  {
    name: 'basic',
    protocol: 'openid-connect',
    attributes: { 'include.in.token.scope': 'false' },
    protocolMappers: [
      mapper('sub', 'oidc-sub-mapper', {}),
      mapper('auth_time', 'oidc-usersessionmodel-note-mapper', {
        'user.session.note': 'AUTH_TIME',
        'claim.name': 'auth_time',
        'jsonType.label': 'long',
        'id.token.claim': 'true',
      }),
    ],
  },
  {
    name: 'acr',
    protocol: 'openid-connect',
    attributes: { 'include.in.token.scope': 'false' },
    protocolMappers: [mapper('acr loa level', 'oidc-acr-mapper', { 'id.token.claim': 'true' })],
  },
  {
    name: 'roles',
    protocol: 'openid-connect',
    attributes: { 'include.in.token.scope': 'false' },
    protocolMappers: [
      mapper('client roles', 'oidc-usermodel-client-role-mapper', {
        'claim.name': 'resource_access.${client_id}.roles',
        multivalued: 'true',
        'jsonType.label': 'String',
      }),
      mapper('audience resolve', 'oidc-audience-resolve-mapper', {}),
    ],
  },
]

function mapper(name: string, protocolMapper: string, config: Readonly<Record<string, string>>) {
  const inTokens = { 'access.token.claim': 'true', 'introspection.token.claim': 'true' }
  return { name, protocol: 'openid-connect', protocolMapper, config: { ...inTokens, ...config } }
}

function clientOf({ clientId, fields }: WantedClient): object {
  const { secret: _kept, ...shown } = fields
  return { clientId, ...shown }
}

/** Which roles may come into the tokens of which client. */
function carriedRoles({ roles, modulePermissions }: RealmRequest, clients: readonly WantedClient[]): object {
  const everything = clients.filter(({ carries }) => carries === 'everything').map(({ clientId }) => clientId)
  const some = clients.filter(({ carries, clientId }) => typeof carries !== 'string' && clientId !== controlClientId)
  return {
    scopeMappings: [
      ...everything.map((client) => ({ client, roles })),
      ...some.map(({ clientId: client, carries }) => ({ client, roles: carries })),
    ],
    clientScopeMappings: {
      ...Object.fromEntries(
        Object.entries(modulePermissions).map(([module, list]) => [
          module,
          everything.map((client) => ({ client, roles: list })),
        ]),
      ),
      [administration]: [{ client: controlClientId, roles: controlRoles }],
    },
  }
}

/** The accounts of clients that sign in as themselves, with the roles that they have. */
function serviceAccounts({ services }: RealmRequest): readonly object[] {
  const account = (clientId: string) => {
    return { username: `service-account-${clientId}`, enabled: true, serviceAccountClientId: clientId }
  }
  return [
    { ...account(controlClientId), clientRoles: { [administration]: controlRoles } },
    ...services.map(({ clientId, roles }) => ({ ...account(clientId), realmRoles: roles })),
  ]
}

const profileProvider = 'org.keycloak.userprofile.UserProfileProvider'

/** Keycloak's own profile, but nobody must have an address or a name beside the user name. */
const userProfile = {
  'kc.user.profile.config': [
    JSON.stringify({
      attributes: ['username', 'email', 'firstName', 'lastName'].map((name) => ({
        name,
        displayName: `\${${name}}`,
        permissions: { view: ['admin', 'user'], edit: ['admin', 'user'] },
        validations: name === 'email' ? { email: {}, length: { max: 255 } } : { length: { max: 255 } },
      })),
    }),
  ],
}

interface ExportedFlows {
  readonly flows: readonly object[]
  readonly configurations: readonly object[]
}

/** Flows as an import file has them: a list of all, each with its own steps only, and their settings apart. */
function flattenFlows(wanted: readonly Flow[]): ExportedFlows {
  const flows: object[] = []
  const configurations: object[] = []
  const add = (alias: string, top: boolean, steps: readonly FlowStep[], prefix: string): void => {
    const authenticationExecutions = steps.map((step, index) => {
      const base = { requirement: step.requirement, priority: (index + 1) * 10, userSetupAllowed: false }
      if ('flow' in step) return { ...base, authenticatorFlow: true, flowAlias: `${prefix} ${step.flow}` }
      if (step.config === undefined) return { ...base, authenticatorFlow: false, authenticator: step.authenticator }
      const authenticatorConfig = `${alias} ${index + 1}`
      configurations.push({ alias: authenticatorConfig, config: step.config })
      return { ...base, authenticatorFlow: false, authenticator: step.authenticator, authenticatorConfig }
    })
    flows.push({ alias, providerId: 'basic-flow', topLevel: top, builtIn: false, authenticationExecutions })
    for (const step of steps) if ('flow' in step) add(`${prefix} ${step.flow}`, false, step.steps, prefix)
  }
  for (const { alias, steps } of wanted) add(alias, true, steps, alias)
  return { flows, configurations }
}
