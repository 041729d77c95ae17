import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { test } from 'node:test'
import { developmentSettings } from './development.ts'
import { loadSettings } from './load.ts'
import { realmPlaceOf } from './realm-place.ts'

/** The YAML blocks of the architecture document, one after another, unchanged. */
const documentBlocks = developmentSettings
  .replace('environment: development\n', '')
  .replace(/audit_level: "full"\n$/, 'audit_level: "basic"\n')

test('loadSettings() takes the blocks of the architecture document as they stand', () => {
  const result = loadSettings(documentBlocks)
  assert.ok(result.ok, JSON.stringify(result))
  assert.equal(result.settings.environment, 'production')
  assert.equal(result.settings.mode.audit_level, 'full')
  assert.equal(result.settings.security_config.token_expiration, 3600)
})

test('loadSettings() puts the block of the environment in force', () => {
  const result = loadSettings(`environment: development\n${documentBlocks}`)
  assert.ok(result.ok)
  assert.deepEqual(result.settings.mode, { require_mTLS: false, allow_test_tokens: true, audit_level: 'basic' })
  assert.ok(Object.isFrozen(result.settings.roles))
})

test('loadSettings() tells every fault at once, with its line', () => {
  const result = loadSettings(`${developmentSettings}extra: 1\nlimits:\n  caller_rate: fast\n  speed: 2\n`)
  assert.ok(!result.ok)
  const lines = developmentSettings.split('\n').length
  const told = new Map(result.faults.map((fault) => [fault.key, fault.line]))
  assert.equal(told.get('extra'), lines)
  assert.equal(told.get('limits.caller_rate'), lines + 2)
  assert.equal(told.get('limits.speed'), lines + 3)
})

const refusals: readonly (readonly [string, string, RegExp])[] = [
  ['a key that stands twice', `${developmentSettings}environment: production\n`, /stands twice, first in line 2/],
  [
    'an environment that is not listed',
    developmentSettings.replace('environment: development', 'environment: staging'),
    /expected one of environments/,
  ],
  [
    'the name of an object member as environment',
    developmentSettings.replace('environment: development', 'environment: constructor'),
    /expected one of environments/,
  ],
  [
    'production without mTLS',
    developmentSettings
      .replace('environment: development', 'environment: production')
      .replace('require_mTLS: true', 'require_mTLS: false'),
    /require_mTLS: true/,
  ],
  [
    'production with test tokens',
    developmentSettings
      .replace('environment: development', 'environment: production')
      .replace('allow_test_tokens: false', 'allow_test_tokens: true'),
    /allow_test_tokens: false/,
  ],
  ['a secret as a value', `${developmentSettings}identity:\n  client_secret: hunter2\n`, /./],
  ['an alias that multiplies', `${developmentSettings}operators: &x {}\nlimits: *x\n`, /./],
  ['no mapping at all', '- a\n- b\n', /^expected a map, found a list$/],
  ['what is not YAML', 'a: b: c\n', /^this is not YAML: .+[^:]$/],
  ['a block that is missing', 'environment: development\n', /^is missing: expected a map$/m],
  ['a block with nothing in it', 'roles:\n', /^expected a map, found nothing$/m],
  [
    'a grant to a role that is not there',
    `${developmentSettings}grants:\n  boss: []\n`,
    /no such role.+admin, user, reader/,
  ],
]

for (const [name, text, message] of refusals) {
  test(`loadSettings() refuses ${name}`, () => {
    const result = loadSettings(text)
    assert.ok(!result.ok)
    assert.match(result.faults.map((fault) => fault.message).join('\n'), message)
  })
}

test('loadSettings() says what was expected and what was found, and never a secret', () => {
  const cases: readonly (readonly [string, string, string | RegExp])[] = [
    ['limits:\n  caller_rate: fast', 'limits.caller_rate', 'expected a whole number, found "fast"'],
    ['limits:\n  caller_rate: 0', 'limits.caller_rate', 'expected at least 1, found 0'],
    ['limits: 7', 'limits', 'expected a map, found 7'],
    ['identity:\n  provider: none', 'identity.provider', 'expected embedded or keycloak, found "none"'],
    ['identity:\n  audience: ""', 'identity.audience', 'expected a text that is not empty, found an empty text'],
    ['identity:\n  issuer: id', 'identity.issuer', /^expected an address such as https:.+, found "id"$/],
    [
      'identity:\n  client_secret: hunter2',
      'identity.client_secret',
      /^expected \{file: PATH\} or .+, found the value itself$/,
    ],
    ['grants:\n  Admin: []', 'grants.Admin', 'expected a word of a-z, 0-9 and _, found "Admin"'],
    ['grants:\n  admin: [fly]', 'grants.admin.0', /^expected a module permission such as .+, found "fly"$/],
  ]
  for (const [text, key, message] of cases) {
    const result = loadSettings(`${developmentSettings}${text}\n`)
    assert.ok(!result.ok, text)
    const told = result.faults.find((fault) => fault.key === key)?.message ?? JSON.stringify(result.faults)
    if (message instanceof RegExp) assert.match(told, message)
    else assert.equal(told, message)
  }
})

test('loadSettings() hides no fault behind a key that stands twice', () => {
  const text = `${developmentSettings}limits:\n  caller_rate: 1\n  caller_rate: 2\n  speed: 2\n`
  const result = loadSettings(text)
  assert.ok(!result.ok)
  const line = developmentSettings.split('\n').length
  assert.deepEqual(result.faults, [
    { line: line + 2, key: 'limits.caller_rate', message: `stands twice, first in line ${line + 1}: keep one of them` },
    { line: line + 3, key: 'limits.speed', message: 'unknown key' },
  ])
})

/** `LINE key: message`, for comparison. */
function notesOf(text: string, kind: 'warnings' | 'startFaults'): readonly string[] {
  const result = loadSettings(text)
  assert.ok(result.ok, JSON.stringify(result))
  return result[kind].map(({ line, key, message }) => `${line} ${key}: ${message}`)
}

test('loadSettings() warns of a grant of a permission that no module has, and not of its own grants', () => {
  const line = developmentSettings.split('\n').length + 1
  const warnings = notesOf(`${developmentSettings}grants:\n  user: [kafka.fly, kafka.create]\n`, 'warnings')
  assert.equal(warnings.length, 1)
  assert.ok(warnings[0]?.startsWith(`${line} grants.user: kafka.fly is in no module_permissions`), warnings.join())
  assert.deepEqual(notesOf(developmentSettings, 'warnings'), [])
})

test('loadSettings() warns of a role permission that nothing of ours asks for, with the one that was meant', () => {
  const warned = (permission: string): string =>
    notesOf(developmentSettings.replace('- create_resource', `- ${permission}`), 'warnings').join('\n')
  assert.match(warned('create_resorce'), /^5 roles\.admin: create_resorce is .+; did you mean create_resource\?$/)
  assert.match(warned('brew_coffee'), /^5 roles\.admin: brew_coffee is asked for by no operation.+define it$/)
  assert.equal(warned('view_any_resources'), '')
})

test('loadSettings() warns of the password grant in production, wherever it comes from, and nowhere else', () => {
  const production = developmentSettings.replace('environment: development', 'environment: production')
  const keycloak = `${production}identity:\n  provider: keycloak\n  issuer: https://id.example/realms/pop\n`
  for (const text of [keycloak, `${keycloak}  password_grant: true\n`])
    assert.match(
      notesOf(text, 'warnings').join('\n'),
      /^\d+ identity\.password_grant: .+ RFC 9700 forbids: set it to false/,
    )
  assert.deepEqual(notesOf(`${keycloak}  password_grant: false\n`, 'warnings'), [])
  assert.deepEqual(notesOf(`${developmentSettings}identity:\n  password_grant: true\n`, 'warnings'), [])
})

test('loadSettings() warns of a lockout by network where no gateway takes passwords', () => {
  const text = `${developmentSettings}lockout: { scope: account+network }\n`
  assert.deepEqual(notesOf(text, 'warnings'), [])
  assert.match(
    notesOf(`${text}identity: { password_grant: false }\n`, 'warnings').join('\n'),
    /^\d+ lockout\.scope: no gateway sees a password .+ expected scope account$/,
  )
  assert.deepEqual(notesOf(`${developmentSettings}identity: { password_grant: false }\n`, 'warnings'), [])
})

test('loadSettings() warns of a program whose tokens are bound to a certificate that nobody asks for', () => {
  const text = `${developmentSettings}realm: { services: { a: { bound: certificate }, b: { bound: dpop }, c: {} } }\n`
  const notes = notesOf(text, 'warnings')
  assert.equal(notes.length, 1)
  assert.match(String(notes[0]), /^\d+ realm\.services\.a\.bound: .+ expected listeners\.gateway_mtls: true$/)
  assert.deepEqual(notesOf(`${text}listeners: { gateway_mtls: true }\n`, 'warnings'), [])
  assert.equal(loadSettings(text.replace('certificate', 'tls')).ok, false)
})

test('loadSettings() tells what a start would refuse, also where it comes of a default', () => {
  const production = developmentSettings.replace('environment: development', 'environment: production')
  assert.match(
    notesOf(documentBlocks, 'startFaults').join('\n'),
    /^1 identity\.provider: production does not start with/,
  )
  assert.match(notesOf(production, 'startFaults').join('\n'), /^2 identity\.provider: production does not start with/)
  const explicit = notesOf(`${production}identity:\n  provider: embedded\n`, 'startFaults')
  assert.match(explicit.join('\n'), new RegExp(`^${production.split('\n').length + 1} identity\\.provider: production`))
  const foreign = `${production}identity:\n  provider: keycloak\n`
  assert.match(notesOf(foreign, 'startFaults').join('\n'), /identity\.issuer: is missing/)
  assert.deepEqual(notesOf(`${foreign}  issuer: https://id.example/realms/pop\n`, 'startFaults'), [])
  assert.deepEqual(notesOf(developmentSettings, 'startFaults'), [])
})

const issuers: readonly (readonly [string, string])[] = [
  ['a slash at the end', 'https://id.example/realms/pop/'],
  ['no realm', 'https://id.example/'],
  ['an empty name', 'https://id.example/realms/'],
  ['a query', 'https://id.example/realms/pop?x=1'],
  ['an escape in the name', 'https://id.example/realms/p%6fp'],
  ['a user in it', 'https://a:b@id.example/realms/pop'],
  ['a connection without TLS', 'http://id.example/realms/pop'],
]
for (const [name, issuer] of issuers) {
  test(`loadSettings() tells that nothing starts with an issuer of Keycloak that has ${name}`, () => {
    const text = `${developmentSettings}identity: { provider: keycloak, issuer: "${issuer}" }\n`
    const [note = '', ...more] = notesOf(text, 'startFaults')
    assert.match(note, /^\d+ identity\.issuer: expected https:\/\/HOST\/realms\/NAME, .+; found http/)
    assert.ok(note.endsWith(issuer))
    assert.deepEqual(more, [])
  })
}

test('realmPlaceOf() takes the issuer of a realm apart, also below a path', () => {
  assert.deepEqual(realmPlaceOf('https://id.example/realms/pop'), { server: 'https://id.example', realm: 'pop' })
  const below = realmPlaceOf('https://id.example:8443/auth/realms/pop-1')
  assert.deepEqual(below, { server: 'https://id.example:8443/auth', realm: 'pop-1' })
})

test('loadSettings() grants by default only to roles that there are', () => {
  const result = loadSettings(developmentSettings.replace('  reader:\n    - view_public_resources\n', ''))
  assert.ok(result.ok)
  assert.deepEqual(Object.keys(result.settings.grants), ['admin', 'user'])
})

test('loadSettings() names the keys of the file that have no effect yet, with their lines', () => {
  const result = loadSettings(developmentSettings)
  assert.ok(result.ok)
  const lines = developmentSettings.split('\n')
  assert.deepEqual(
    result.withoutEffect.map(({ key }) => key),
    ['data_security'],
  )
  for (const { line, key } of result.withoutEffect)
    assert.ok(lines[line - 1]?.includes(key.split('.').at(-1) ?? '?'), `${key} in line ${line}`)
})

test("the repository's own pop.yaml is the document's blocks for development", () => {
  const own = readFileSync(new URL('../../../pop.yaml', import.meta.url), 'utf8')
  assert.equal(own, developmentSettings)
})
