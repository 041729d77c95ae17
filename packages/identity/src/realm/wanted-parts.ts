import type { Part } from './part.ts'
import { carriedRolesPart, serviceRolesPart } from './parts/carried-roles-part.ts'
import { clientPart, clientScopesPart, scopeParts } from './parts/client-parts.ts'
import { flowPart } from './parts/flow-part.ts'
import { signingKeyPart } from './parts/key-part.ts'
import { enrolmentPart, profilePart } from './parts/realm-part.ts'
import { permissionPart, rolePart } from './parts/role-parts.ts'
import { broughtUserPart } from './parts/users-part.ts'
import type { RealmRequest } from './realm-request.ts'
import { refuseClashes } from './refuse-clashes.ts'
import { wantedClients, wantedModuleClient, wantedScopes } from './wanted-clients.ts'
import { wantedFlows } from './wanted-flows.ts'

/** Everything inside a realm, in an order in which each part finds what it builds on. Throws a RealmError for names that clash. */
export function wantedParts(request: RealmRequest, nowMs: () => number): readonly Part[] {
  refuseClashes(request)
  const modules = Object.entries(request.modulePermissions)
  const clients = wantedClients(request)
  const services = clients.filter(({ fields }) => fields['serviceAccountsEnabled'] === true)
  return [
    signingKeyPart(request.realm, nowMs),
    enrolmentPart(request),
    profilePart(request),
    ...request.roles.map((role) => rolePart(request, role)),
    ...modules.map(([module]) => clientPart(request, wantedModuleClient(module))),
    ...modules.flatMap(([module, permissions]) => permissions.map((name) => permissionPart(request, module, name))),
    ...wantedScopes(request).flatMap((scope) => scopeParts(request, scope)),
    ...clients.map((client) => clientPart(request, client)),
    ...clients.map((client) => clientScopesPart(request, client)),
    ...clients.map((client) => carriedRolesPart(request, client)),
    ...services.map((client) => serviceRolesPart(request, client)),
    ...wantedFlows(request).map((flow) => flowPart(request, flow)),
    ...request.users.map((user) => broughtUserPart(request, user)),
  ]
}
