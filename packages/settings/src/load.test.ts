import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { test } from 'node:test'
import { developmentSettings } from './development.ts'
import { loadSettings } from './load.ts'

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
  ['a key that stands twice', `${developmentSettings}environment: production\n`, /unique/i],
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
  [
    'production with the embedded provider',
    `${developmentSettings.replace('environment: development', 'environment: production')}identity:\n  provider: embedded\n`,
    /embedded/,
  ],
  ['a secret as a value', `${developmentSettings}identity:\n  client_secret: hunter2\n`, /./],
  ['an alias that multiplies', `${developmentSettings}operators: &x {}\nlimits: *x\n`, /./],
  ['no mapping at all', '- a\n- b\n', /./],
]

for (const [name, text, message] of refusals) {
  test(`loadSettings() refuses ${name}`, () => {
    const result = loadSettings(text)
    assert.ok(!result.ok)
    assert.match(result.faults.map((fault) => fault.message).join('\n'), message)
  })
}

test('loadSettings() warns of a grant of a permission that no module has', () => {
  const result = loadSettings(`${developmentSettings}grants:\n  user: [kafka.fly]\n`)
  assert.ok(result.ok)
  assert.match(result.warnings.join('\n'), /grants\.user: kafka\.fly/)
})

test('loadSettings() names the keys of the file that have no effect yet, with their lines', () => {
  const result = loadSettings(developmentSettings)
  assert.ok(result.ok)
  const lines = developmentSettings.split('\n')
  assert.deepEqual(
    result.withoutEffect.map(({ key }) => key),
    [
      'data_security',
      'security_config.minimum_password_length',
      'environments.production.allow_test_tokens',
      'environments.development.allow_test_tokens',
    ],
  )
  for (const { line, key } of result.withoutEffect.slice(1))
    assert.ok(lines[line - 1]?.includes(key.split('.').at(-1) ?? '?'), `${key} in line ${line}`)
})

test("the repository's own pop.yaml is the document's blocks for development", () => {
  const own = readFileSync(new URL('../../../pop.yaml', import.meta.url), 'utf8')
  assert.equal(own, developmentSettings)
})
