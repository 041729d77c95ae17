import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { defaultGrants } from './defaults.ts'
import { compilePolicy, decide, holdsModulePermission, needsOf, scopeOf, type PolicyRules } from './policy.ts'

const rules: PolicyRules = {
  roles: {
    admin: ['create_resource', 'delete_resource', 'modify_settings', 'view_metrics'],
    user: ['create_resource', 'view_own_resources'],
    reader: ['view_public_resources'],
  },
  module_permissions: { kafka_service: ['kafka.create', 'kafka.delete', 'kafka.modify'] },
  grants: defaultGrants,
}
const policy = compilePolicy(rules, ['kafka.consume'])
const read = {
  role: { any: 'view_any_resources', own: 'view_own_resources', public: 'view_public_resources' },
  module: 'kafka.consume',
}
const create = { role: 'create_resource', module: 'kafka.create' }

const table: readonly (readonly [
  string,
  readonly string[],
  readonly string[],
  Parameters<typeof decide>[2],
  string,
])[] = [
  ['allows a user to create', ['user'], [], create, 'any'],
  ['denies a reader to create', ['reader'], [], create, 'role-permission-missing'],
  ['allows a user its own', ['user'], [], read, 'own'],
  ['allows a reader what is public', ['reader'], [], read, 'public'],
  ['joins what several roles hold', ['reader', 'user'], [], read, 'own,public'],
  ['denies an admin alone to read: no role permission', ['admin'], [], read, 'role-permission-missing'],
  ['denies without roles', [], ['kafka.create'], create, 'role-permission-missing'],
  ['denies an unknown role', ['root'], [], create, 'role-permission-missing'],
  [
    'denies roles that are names of object members',
    ['constructor', '__proto__'],
    [],
    create,
    'role-permission-missing',
  ],
  [
    'denies without the module permission',
    ['user'],
    [],
    { role: 'create_resource', module: 'kafka.delete' },
    'module-permission-missing',
  ],
  [
    'allows by the permission in the token',
    ['user'],
    ['kafka.delete'],
    { role: 'create_resource', module: 'kafka.delete' },
    'any',
  ],
  [
    'denies a permission that no module has',
    ['user'],
    ['kafka.fly'],
    { role: 'create_resource', module: 'kafka.fly' },
    'module-permission-missing',
  ],
  ['allows the gateway operations by role alone', ['admin'], [], { role: 'view_metrics' }, 'any'],
  ['denies the gateway operations without the role', ['user'], [], { role: 'view_metrics' }, 'role-permission-missing'],
]

for (const [name, roles, permissions, requirement, expected] of table) {
  test(`decide() ${name}`, () => {
    const decision = decide(policy, { roles, permissions }, requirement)
    assert.equal(decision.outcome === 'allow' ? decision.ownerships.join(',') : decision.rule, expected)
  })
}

test('decide() never allows less when a role is added', () => {
  const role = fc.constantFrom('admin', 'user', 'reader', 'other')
  const requirement = fc.constantFrom(read, create, { role: 'delete_resource', module: 'kafka.delete' })
  fc.assert(
    fc.property(fc.array(role), role, requirement, (roles, added, wanted) => {
      const before = decide(policy, { roles, permissions: [] }, wanted)
      const after = decide(policy, { roles: [...roles, added], permissions: [] }, wanted)
      assert.ok(before.outcome === 'deny' || after.outcome === 'allow')
    }),
  )
})

test('holdsModulePermission() ignores a grant of a permission that does not exist', () => {
  const narrow = compilePolicy({ ...rules, module_permissions: {} })
  assert.equal(holdsModulePermission(narrow, { roles: ['admin'], permissions: [] }, 'kafka.create'), false)
  assert.equal(holdsModulePermission(policy, { roles: ['admin'], permissions: [] }, 'kafka.create'), true)
})

test('scopeOf() writes a word per ownership', () => {
  assert.equal(scopeOf('kafka.consume', ['own', 'public']), 'kafka.consume:own kafka.consume:public')
})

const reasons = [
  [['reader'], create, 'no role of the caller (reader) carries create_resource; roles that do: admin, user'],
  [[], { role: 'fly' }, 'no role of the caller (none) carries fly; roles that do: none'],
  [
    ['admin'],
    read,
    'no role of the caller (admin) carries view_any_resources or view_own_resources or view_public_resources; ' +
      'roles that do: user, reader',
  ],
  [
    ['user'],
    { role: 'create_resource', module: 'kafka.delete' },
    'neither the token nor a grant to a role of the caller (user) carries kafka.delete; roles with a grant: admin',
  ],
  [
    ['user'],
    { role: 'create_resource', module: 'kafka.fly' },
    'no module declares kafka.fly, so no token and no grant carries it',
  ],
] as const

for (const [roles, requirement, expected] of reasons) {
  test(`decide() says who would have passed: ${expected}`, () => {
    assert.equal(decide(policy, { roles, permissions: [] }, requirement).reason, expected)
  })
}

test('needsOf() names each permission with the roles that have it, and one that no module declares', () => {
  assert.deepEqual(needsOf(policy, read), {
    role: [
      { ownership: 'any', permission: 'view_any_resources', roles: [] },
      { ownership: 'own', permission: 'view_own_resources', roles: ['user'] },
      { ownership: 'public', permission: 'view_public_resources', roles: ['reader'] },
    ],
    module: { permission: 'kafka.consume', roles: ['admin', 'user', 'reader'], exists: true },
  })
  assert.equal(needsOf(policy, { role: 'view_metrics' }).module, undefined)
  assert.equal(needsOf(policy, { role: 'create_resource', module: 'kafka.fly' }).module?.exists, false)
})
