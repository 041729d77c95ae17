import { decide, holdsModulePermission, type Decision } from '@pop-api/policy'
import type { FoundRules } from './find-rules.ts'

/** One row of the matrix: what each role alone may do. */
export interface MatrixRow {
  readonly kind: 'operation' | 'role permission' | 'module permission'
  /** The operation, or the permission. */
  readonly name: string
  readonly module: string | undefined
  readonly cells: readonly MatrixCell[]
}

interface MatrixCell {
  readonly role: string
  readonly outcome: Decision['outcome']
  /** `yes`, the ownerships within which it is allowed such as `own,public`, or `-`. */
  readonly text: string
  /** Undefined for a permission: a role has it or has it not. */
  readonly reason: string | undefined
}

/**
 * Every operation for every role alone, with a token that carries nothing more, by the decision function of the gateway. Without
 * operations, every permission that the rules name for every role.
 */
export function policyMatrix({ policy, rules, operations }: FoundRules): readonly MatrixRow[] {
  const roles = Object.keys(rules.roles)
  if (operations.length === 0) return permissionRows({ policy, rules }, roles)
  return operations.map(({ id, module, requires }) => ({
    kind: 'operation',
    name: id,
    module,
    cells: roles.map((role) => {
      const decision = decide(policy, { roles: [role], permissions: [] }, requires)
      return { role, outcome: decision.outcome, text: wordOf(decision, requires.role), reason: decision.reason }
    }),
  }))
}

function permissionRows(
  { policy, rules }: Pick<FoundRules, 'policy' | 'rules'>,
  roles: readonly string[],
): MatrixRow[] {
  const cell = (role: string, isHeld: boolean): MatrixCell =>
    isHeld
      ? { role, outcome: 'allow', text: 'yes', reason: undefined }
      : { role, outcome: 'deny', text: '-', reason: undefined }
  const caller = (role: string) => ({ roles: [role], permissions: [] })
  const ofRoles = [...new Set(Object.values(rules.roles).flat())].map((name) => ({
    kind: 'role permission' as const,
    name,
    module: undefined,
    cells: roles.map((role) => cell(role, decide(policy, caller(role), { role: name }).outcome === 'allow')),
  }))
  const ofModules = Object.entries(rules.module_permissions).flatMap(([module, permissions]) =>
    permissions.map((name) => ({
      kind: 'module permission' as const,
      name,
      module,
      cells: roles.map((role) => cell(role, holdsModulePermission(policy, caller(role), name))),
    })),
  )
  return [...ofRoles, ...ofModules]
}

function wordOf(decision: Decision, role: string | object): string {
  if (decision.outcome === 'deny') return '-'
  return typeof role === 'string' ? 'yes' : decision.ownerships.join(',')
}
