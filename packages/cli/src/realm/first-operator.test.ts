import assert from 'node:assert/strict'
import { test } from 'node:test'
import { developmentSettings, loadSettings, type Settings } from '@pop-api/settings'
import { operatorRolesOf } from './first-operator.ts'

function settingsOf(more: string): Settings {
  const loaded = loadSettings(`${developmentSettings}${more}`)
  assert.ok(loaded.ok, JSON.stringify(loaded))
  return loaded.settings
}

test('operatorRolesOf() gives the roles of operators, and none that the realm would not have', () => {
  assert.deepEqual(operatorRolesOf(settingsOf('')), ['admin'])
  const others = 'operators: { user: [auditor], reader: [auditor, operator], nobody: [operator] }\n'
  assert.deepEqual(operatorRolesOf(settingsOf(others)), ['reader'])
  assert.deepEqual(operatorRolesOf(settingsOf('operators: {}\n')), [])
})
