import assert from 'node:assert/strict'
import { test } from 'node:test'
import { PopError, type ProblemCode } from '@pop-api/protocol'
import { WorkloadError } from '@pop-api/workload'
import { refusalOf } from './hand-to-control.ts'

const passing: readonly ProblemCode[] = [
  'body-invalid',
  'parameter-invalid',
  'permission-denied',
  'precondition-failed',
  'resource-exists',
  'test-tokens-not-allowed',
  'users-not-managed',
]

for (const code of passing) {
  test(`refusalOf() hands ${code} on to the client as control said it`, () => {
    const refusal = new PopError(code, 'why')
    assert.equal(refusalOf(refusal), refusal)
  })
}

test('refusalOf() hands on what is worth another try with the field that says when', () => {
  const refusal = new PopError('identity-unavailable', 'Keycloak does not answer.')
  const { code, message, headers, cause } = refusalOf(refusal)
  assert.deepEqual([code, message, headers, cause], [refusal.code, refusal.message, { 'retry-after': '5' }, refusal])
})

function lost(code: string): WorkloadError {
  return new WorkloadError('control-unavailable', 'gone', { cause: Object.assign(new Error('gone'), { code }) })
}

const cases: readonly (readonly [string, unknown, string])[] = [
  ['a refusal of the token', new PopError('seal-txn', 'used before'), 'nothing'],
  ['a refusal of the gateway itself', new PopError('workload-refused', 'not enrolled'), 'nothing'],
  ['a connection that was refused', lost('ECONNREFUSED'), 'nothing'],
  ['a connection that broke', lost('ECONNRESET'), 'unknown'],
  ['a control that did not answer in time', new WorkloadError('control-unavailable', 'late'), 'unknown'],
  ['a control that failed', new PopError('internal', 'Control failed.'), 'unknown'],
  ['a control that could not record', new PopError('audit-unavailable', 'full'), 'unknown'],
  ['an answer that is none', new WorkloadError('control-unreadable', 'broken'), 'unknown'],
]

for (const [name, failure, outcome] of cases) {
  test(`refusalOf() makes 503 of ${name}, says that the outcome is ${outcome}, and nothing of what is inside`, () => {
    const refusal = refusalOf(failure)
    assert.equal(refusal.code, 'control-unavailable')
    assert.equal(refusal.status, 503)
    assert.deepEqual(refusal.members, { outcome })
    assert.equal(refusal.cause, failure)
    assert.match(refusal.message, outcome === 'unknown' ? /before you try again/ : /nothing was changed/)
  })
}
