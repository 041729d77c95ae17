import { isJsonObject, isPlainText, isTextList } from '@pop-api/protocol'
import type { Ownership, Policy } from '@pop-api/policy'
import type { SettingsNote } from '@pop-api/settings'
import type { PolicyOperation } from './find-rules.ts'

/** One expectation of the policy. */
export interface PolicyCase {
  readonly line: number
  readonly roles: readonly string[]
  /** Module permissions that the token carries. */
  readonly permissions: readonly string[]
  readonly operation: PolicyOperation
  readonly expect: 'allow' | 'deny'
  /** Exactly the ownerships of an allowed operation; undefined for any. */
  readonly scope: readonly Ownership[] | undefined
}

export type CasesResult =
  | { readonly ok: true; readonly cases: readonly PolicyCase[] }
  | { readonly ok: false; readonly faults: readonly SettingsNote[] }

const ownerships: readonly Ownership[] = ['any', 'own', 'public']
const members = ['roles', 'permissions', 'operation', 'expect', 'scope']

/**
 * Reads the cases of a parsed file, with every fault at once. A role that the policy does not have is one of them: a misspelt name
 * may do nothing, so that each `deny` of it would pass for ever. Untrusted input.
 */
export function readCases(
  value: unknown,
  operations: readonly PolicyOperation[],
  policy: Policy,
  lineOf: (path: readonly string[]) => number,
): CasesResult {
  const faults: SettingsNote[] = []
  const fault = (path: readonly string[], message: string): void =>
    void faults.push({ line: lineOf(path), key: nameOf(path), message })
  if (!Array.isArray(value) || value.length === 0) fault([], 'expected a list of cases; see: pop policy test --help')
  const cases = (Array.isArray(value) ? value : []).map((item: unknown, index) => {
    const at = String(index)
    if (!isJsonObject(item)) fault([at], 'expected a map with roles, operation and expect')
    const found = isJsonObject(item) ? item : {}
    for (const name of Object.keys(found).filter((key) => !members.includes(key)))
      fault([at, name], `unknown key: expected one of ${members.join(', ')}`)
    const { expect } = found
    const operation = operations.find(({ id }) => id === found['operation'])
    if (operation === undefined) fault([at, 'operation'], unknownOperation(found['operation'], operations))
    if (expect !== 'allow' && expect !== 'deny') fault([at, 'expect'], 'expected allow or deny')
    const texts = (name: string): readonly string[] => {
      const list = found[name] ?? []
      if (isTextList(list, 1000, 256)) return list
      fault([at, name], 'expected a list of names')
      return []
    }
    if (found['roles'] === undefined) fault([at, 'roles'], 'is missing: expected a list of names, [] for none')
    const roles = texts('roles')
    for (const role of roles.filter((name) => !policy.roles.has(name)))
      fault([at, 'roles'], `the policy has no role ${role}; there are: ${[...policy.roles.keys()].join(', ')}`)
    const scope = found['scope'] === undefined ? undefined : texts('scope')
    const known = scope?.flatMap((word) => ownerships.filter((ownership) => ownership === word))
    if (known?.length !== scope?.length) fault([at, 'scope'], `expected a list of ${ownerships.join(', ')}`)
    if (expect === 'deny' && scope !== undefined) fault([at, 'scope'], 'a denied operation has no scope: leave it out')
    return {
      line: lineOf([at]),
      roles,
      permissions: texts('permissions'),
      operation,
      expect,
      scope: known,
    }
  })
  // Without a fault every case has an operation and an outcome.
  return faults.length > 0 ? { ok: false, faults } : { ok: true, cases: cases as readonly PolicyCase[] }
}

/** `case 2, roles` */
function nameOf([index, key]: readonly string[]): string {
  if (index === undefined) return ''
  return `case ${Number(index) + 1}${key === undefined ? '' : `, ${key}`}`
}

function unknownOperation(found: unknown, operations: readonly PolicyOperation[]): string {
  if (!isPlainText(found, 2048)) return 'expected METHOD /path, as `pop policy matrix` shows it'
  const [method = '', path = ''] = found.split(' ')
  const samePath = operations.filter(({ id }) => id.endsWith(` ${path}`)).map(({ id }) => id)
  const sameMethod = operations.filter(({ id }) => id.startsWith(`${method} `)).map(({ id }) => id)
  const near = samePath.length > 0 ? samePath : sameMethod
  const choices = near.length === 0 ? 'see: pop policy matrix' : `there are: ${near.slice(0, 8).join('; ')}`
  return `no loaded manifest has the operation ${found}; ${choices}`
}
