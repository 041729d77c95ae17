import assert from 'node:assert/strict'
import { test } from 'node:test'
import { developmentSettings } from './development.ts'
import { loadSettings } from './load.ts'
import { gatewaySection, providerFailuresMax, readGatewaySection } from './section.ts'

function section() {
  const result = loadSettings(developmentSettings)
  assert.ok(result.ok)
  return gatewaySection(result.settings, { issuer: 'https://localhost:8444/realms/pop', ca: '/home/ca.pem' })
}

test('readGatewaySection() gives what gatewaySection() made, after a way as JSON', () => {
  const made = section()
  const read = readGatewaySection(JSON.parse(JSON.stringify(made)))
  assert.deepEqual(read, made)
  assert.equal(read.identity.issuer, 'https://localhost:8444/realms/pop')
  assert.equal(read.mode.audit_level, 'full')
})

test('readGatewaySection() takes the section of a control that knows nothing yet of what was added', () => {
  const { log: _log, operators: _operators, overlay: _overlay, lockout: _lockout, ...older } = section()
  const read = readGatewaySection(older)
  assert.deepEqual([read.log, read.operators, read.overlay], [{ level: 'info' }, {}, {}])
  assert.deepEqual(read.lockout, { scope: 'account' })
})

test('readGatewaySection() refuses a member that it does not know, and one that is missing', () => {
  assert.throws(() => readGatewaySection({ ...section(), roles: {} }), /roles/)
  const { limits: _limits, ...rest } = section()
  assert.throws(() => readGatewaySection(rest), /limits/)
})

test('providerFailuresMax() is what the settings say where the provider counts, and ten times that where gateways do', () => {
  assert.equal(providerFailuresMax(section()), 5)
  assert.equal(providerFailuresMax({ ...section(), lockout: { scope: 'account+network' } }), 50)
})
