import assert from 'node:assert/strict'
import { test } from 'node:test'
import { developmentSettings } from './development.ts'
import { loadSettings } from './load.ts'
import { settingsReference } from './reference.ts'
import { starterEnvironments, starterSettings } from './starter.ts'

function load(text: string) {
  const result = loadSettings(text)
  assert.ok(result.ok, JSON.stringify(result))
  return result
}

for (const environment of starterEnvironments) {
  test(`starterSettings() for ${environment} loads, starts and has nothing to warn of`, () => {
    const { settings, startFaults, warnings } = load(starterSettings(environment))
    assert.deepEqual([settings.environment, startFaults, warnings], [environment, [], []])
  })

  test(`starterSettings() for ${environment} has every key of the schema, with its words`, () => {
    const text = starterSettings(environment)
    const keys = settingsReference()
    assert.ok(keys.length > 20, String(keys.length))
    for (const { key, description } of keys) {
      const [name = ''] = key.split('.').slice(-1)
      if (!key.includes('*')) assert.match(text, new RegExp(`^[# ]*${name}:`, 'm'), key)
      if (!key.includes('*')) assert.ok(text.includes(description), key)
    }
  })
}

test('starterSettings() for development means what no file at all means', () => {
  const { data_security: _asserted, ...wanted } = load(developmentSettings).settings
  const { data_security: _none, ...found } = load(starterSettings('development')).settings
  assert.deepEqual(found, wanted)
})

test('starterSettings() shows defaults that are accepted when their comment signs are taken away', () => {
  // A key behind the sign, and what stands below it; prose has a space and no colon after its first word.
  const open = starterSettings('development').replaceAll(/^# ?(?=(?:  )*(?:[a-z][a-zA-Z0-9_]*:|- |#))/gm, '')
  const lines = open
    .split('\n')
    .map((line) => line.replace(/^(\s*(?:ca|issuer|client_secret|introspection_client)): …$/, '# $1'))
  const { settings } = load(lines.join('\n'))
  const shown = lines.filter((line) => /^\s+(?:caller_rate|audience|level):/.test(line))
  assert.equal(shown.length, 3, shown.join('\n'))
  assert.deepEqual(settings, { ...load(starterSettings('development')).settings })
})
