import type { PolicyRules } from './policy.ts'

/** What a role makes of a person beside its permissions, by the key `operators` of the settings. */
export type Standing = 'operator' | 'auditor' | 'approver'

/** The role permission of those who have a standing. No role can be given it by its name: the settings take no hyphen in one. */
export function standingPermission(standing: Standing): string {
  return `standing-${standing}`
}

/** The rules with a permission more for each standing of a role. An operator may look at what an auditor may look at. */
export function withStandings(
  rules: PolicyRules,
  operators: Readonly<Record<string, readonly Standing[]>>,
): PolicyRules {
  const roles = new Map(Object.entries(rules.roles))
  for (const [role, standings] of Object.entries(operators)) {
    const held = new Set(standings)
    if (held.has('operator')) held.add('auditor')
    roles.set(role, [...(roles.get(role) ?? []), ...[...held].map(standingPermission)])
  }
  return { ...rules, roles: Object.fromEntries(roles) }
}
