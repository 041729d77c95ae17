/** Role → role permissions, module → module permissions, role → granted module permissions: the document's YAML and `grants`. */
export interface PolicyRules {
  readonly roles: Readonly<Record<string, readonly string[]>>
  readonly module_permissions: Readonly<Record<string, readonly string[]>>
  readonly grants: Readonly<Record<string, readonly string[]>>
}

export type Ownership = 'any' | 'own' | 'public'

/** What an operation needs. Without `module` (the gateway's own operations) the role permission is enough. */
export interface Requirement {
  readonly role: string | Readonly<Partial<Record<Ownership, string>>>
  readonly module?: string
}

/** What is known of the caller once it was identified. Roles and permissions are texts of a verified token. */
export interface CallerRights {
  readonly roles: readonly string[]
  /** Module permissions that the token itself carries. */
  readonly permissions: readonly string[]
}

/** The rule that decided. `rule` is stable for machines, `reason` is a sentence for operators; neither reaches the client. */
export type Decision =
  | {
      readonly outcome: 'allow'
      readonly rule: 'role+module' | 'role'
      readonly ownerships: readonly Ownership[]
      readonly reason: string
    }
  | {
      readonly outcome: 'deny'
      readonly rule: 'role-permission-missing' | 'module-permission-missing'
      readonly reason: string
    }

/** Policy compiled for decisions: sets instead of lists, and no name that came from a client ever indexes an object. */
export interface Policy {
  readonly roles: ReadonlyMap<string, ReadonlySet<string>>
  readonly grants: ReadonlyMap<string, ReadonlySet<string>>
  /** Every module permission that exists; a grant of any other grants nothing. */
  readonly known: ReadonlySet<string>
}

/** Compiles the rules. `manifestPermissions` are those of the manifests that are loaded. */
export function compilePolicy(rules: PolicyRules, manifestPermissions: readonly string[] = []): Policy {
  return {
    roles: new Map(Object.entries(rules.roles).map(([role, list]) => [role, new Set(list)])),
    grants: new Map(Object.entries(rules.grants).map(([role, list]) => [role, new Set(list)])),
    known: new Set([...Object.values(rules.module_permissions).flat(), ...manifestPermissions]),
  }
}

const ownershipOrder: readonly Ownership[] = ['any', 'own', 'public']

/**
 * Decides whether a caller may use an operation at all, and within which ownerships. The module decides about the very
 * resource. Pure; denies whatever it does not know.
 */
export function decide(policy: Policy, caller: CallerRights, requirement: Requirement): Decision {
  const ownerships = heldOwnerships(policy, caller, requirement.role)
  if (ownerships.length === 0) {
    const needs = needsOf(policy, requirement).role
    const wanted = needs.map(({ permission }) => permission).join(' or ')
    const others = [...new Set(needs.flatMap(({ roles }) => roles))]
    return {
      outcome: 'deny',
      rule: 'role-permission-missing',
      reason: `no role of the caller (${named(caller.roles)}) carries ${wanted}; roles that do: ${named(others)}`,
    }
  }
  if (requirement.module === undefined) {
    return {
      outcome: 'allow',
      rule: 'role',
      ownerships,
      reason: carried(policy, caller, requirement.role),
    }
  }
  if (!holdsModulePermission(policy, caller, requirement.module)) {
    return { outcome: 'deny', rule: 'module-permission-missing', reason: missing(policy, caller, requirement.module) }
  }
  const reason = `${carried(policy, caller, requirement.role)}; ${requirement.module} ${granted(policy, caller, requirement.module)}`
  return { outcome: 'allow', rule: 'role+module', ownerships, reason }
}

/** What an operation needs, and which roles of the policy have it: what would have let a denied caller pass. */
export interface Needs {
  /** One of these is enough. */
  readonly role: readonly {
    readonly ownership: Ownership
    readonly permission: string
    readonly roles: readonly string[]
  }[]
  /** Beside it this, in the token or by a grant to one of these roles; `exists` is false where no module declares it. */
  readonly module:
    | { readonly permission: string; readonly roles: readonly string[]; readonly exists: boolean }
    | undefined
}

/** Tells what an operation needs and who has it. Pure, and slow beside `decide`: for denials and for operators. */
export function needsOf(policy: Policy, { role, module: permission }: Requirement): Needs {
  const wanted: readonly (readonly [Ownership, string])[] =
    typeof role === 'string'
      ? [['any', role]]
      : ownershipOrder.flatMap((ownership) => (role[ownership] === undefined ? [] : [[ownership, role[ownership]]]))
  return {
    role: wanted.map(([ownership, name]) => ({ ownership, permission: name, roles: holders(policy.roles, name) })),
    module:
      permission === undefined
        ? undefined
        : { permission, roles: holders(policy.grants, permission), exists: policy.known.has(permission) },
  }
}

function holders(of: Policy['roles'], permission: string): readonly string[] {
  return [...of].flatMap(([role, permissions]) => (permissions.has(permission) ? [role] : []))
}

function missing(policy: Policy, caller: CallerRights, permission: string): string {
  if (!policy.known.has(permission)) return `no module declares ${permission}, so no token and no grant carries it`
  const others = named(holders(policy.grants, permission))
  const own = named(caller.roles)
  return `neither the token nor a grant to a role of the caller (${own}) carries ${permission}; roles with a grant: ${others}`
}

/** Ownership by ownership, which role carries which permission: what an operator wants to know of a decision. */
function carried(policy: Policy, caller: CallerRights, role: Requirement['role']): string {
  const wanted = typeof role === 'string' ? [['any', role] as const] : Object.entries(role)
  const held = wanted.flatMap(([ownership, permission]) => {
    const carrier = caller.roles.find((name) => policy.roles.get(name)?.has(permission) === true)
    if (carrier === undefined) return []
    return [
      typeof role === 'string'
        ? `${permission} by the role ${carrier}`
        : `${permission} (${ownership}) by the role ${carrier}`,
    ]
  })
  return held.join(', ')
}

/** Where a module permission comes from that the caller holds. */
function granted(policy: Policy, caller: CallerRights, permission: string): string {
  if (caller.permissions.includes(permission)) return 'by the token'
  const carrier = caller.roles.find((name) => policy.grants.get(name)?.has(permission) === true)
  return `by a grant to the role ${carrier ?? 'none'}`
}

function heldOwnerships(policy: Policy, caller: CallerRights, role: Requirement['role']): readonly Ownership[] {
  if (typeof role === 'string') return holdsRolePermission(policy, caller, role) ? ['any'] : []
  return ownershipOrder.filter((ownership) => {
    const permission = role[ownership]
    return permission !== undefined && holdsRolePermission(policy, caller, permission)
  })
}

function holdsRolePermission(policy: Policy, caller: CallerRights, permission: string): boolean {
  return caller.roles.some((role) => policy.roles.get(role)?.has(permission) === true)
}

/** True when the caller's token or a grant of one of its roles carries a module permission that exists. */
export function holdsModulePermission(policy: Policy, caller: CallerRights, permission: string): boolean {
  if (!policy.known.has(permission)) return false
  return (
    caller.permissions.includes(permission) ||
    caller.roles.some((role) => policy.grants.get(role)?.has(permission) === true)
  )
}

/** The words of a Txn-Token's `scope` for an allowed operation of a module: `kafka.consume:own kafka.consume:public`. */
export function scopeOf(permission: string, ownerships: readonly Ownership[]): string {
  return ownerships.map((ownership) => `${permission}:${ownership}`).join(' ')
}

function named(roles: readonly string[]): string {
  return roles.length === 0 ? 'none' : roles.join(', ')
}
