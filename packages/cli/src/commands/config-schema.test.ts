import assert from 'node:assert/strict'
import { test } from 'node:test'
import { compileValidator, isJsonObject, parseManifest, parseTarget, PopError } from '@pop-api/protocol'
import { developmentSettings, loadSettings, readYaml, starterSettings } from '@pop-api/settings'
import { aroundPop } from './try-pop.ts'

/** Whether a validator of JSON Schema 2020-12 takes a text of settings by what `pop config schema` prints. */
async function schemaCheck(): Promise<(text: string) => boolean> {
  await using around = await aroundPop()
  const { code, stdout } = await around.pop(['config', 'schema'])
  assert.equal(code, 0)
  // A manifest wants a bound beside every pattern; names of settings are shorter than this one.
  const bounded = (_key: string, value: unknown): unknown =>
    isJsonObject(value) && 'pattern' in value ? { maxLength: 256, ...value } : value
  const { $schema, ...schema } = JSON.parse(stdout, bounded)
  assert.equal($schema, 'https://json-schema.org/draft/2020-12/schema')
  const put = {
    'x-pop-requires': { role: 'modify_settings', module: 'xx.use' },
    requestBody: { content: { 'application/json': { schema } } },
  }
  // A body of an operation: the validator of the gateway, strict about words that it does not know.
  const manifest = parseManifest({
    openapi: '3.1.0',
    info: { title: 'x', version: '1' },
    'x-pop-module': { name: 'xx', base: '/v1/xx', permissions: ['xx.use'] },
    paths: { '/settings': { put } },
  })
  const [operation] = manifest.operations
  const target = parseTarget('/v1/xx/settings')
  assert.ok(operation !== undefined && target.ok)
  const validate = compileValidator(operation, manifest.document)
  return (text) => {
    const read = readYaml(text)
    assert.ok(read.ok, text)
    const body = Buffer.from(JSON.stringify(read.value))
    try {
      validate({ parameters: {}, target: target.value, headers: ['content-type', 'application/json'], body })
      return true
    } catch (error) {
      assert.ok(error instanceof PopError && error.code === 'body-invalid', String(error))
      return false
    }
  }
}

const good: readonly (readonly [string, string])[] = [
  ['the built-in settings', developmentSettings],
  ['what pop init writes', starterSettings('production')],
  [
    'every optional block',
    `${developmentSettings}limits:\n  caller_rate: 1\ngrants:\n  user: [kafka.create]\noperators:\n  admin: [auditor]\n`,
  ],
  ['a reference to a secret', `${developmentSettings}identity:\n  client_secret: { env: POP_SECRET }\n`],
]
const bad: readonly (readonly [string, string])[] = [
  ['an unknown key', `${developmentSettings}colour: red\n`],
  ['an unknown key of a block', `${developmentSettings}limits:\n  speed: 2\n`],
  ['a text for a number', developmentSettings.replace('token_expiration: 3600', 'token_expiration: soon')],
  [
    'a number out of its range',
    developmentSettings.replace('minimum_password_length: 12', 'minimum_password_length: 4'),
  ],
  ['no roles', 'environments: {}\n'],
  ['a secret itself', `${developmentSettings}identity:\n  client_secret: hunter2\n`],
  ['a role permission that is no word', developmentSettings.replace('- view_metrics', '- View Metrics')],
]

test('pop config schema takes what the settings take, and refuses what they refuse', async () => {
  const check = await schemaCheck()
  for (const [name, text] of good) {
    assert.ok(loadSettings(text).ok, name)
    assert.ok(check(text), name)
  }
  for (const [name, text] of bad) {
    assert.ok(!loadSettings(text).ok, name)
    assert.ok(!check(text), name)
  }
})
