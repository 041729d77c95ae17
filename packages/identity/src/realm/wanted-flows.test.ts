import assert from 'node:assert/strict'
import { test } from 'node:test'
import { exampleRequest } from '../testing/realm-request.ts'
import { flowLine, flowLines, wantedFlows } from './wanted-flows.ts'

function linesOf(slot: 'browserFlow' | 'directGrantFlow', requireSecondFactor: boolean): readonly string[] {
  const { security } = exampleRequest()
  const flow = wantedFlows({ security: { ...security, requireSecondFactor } }).find((one) => one.slot === slot)
  assert.ok(flow !== undefined)
  return flowLines(flow.steps)
}

test('wantedFlows(): where everybody has a second factor there is one way through the pages, and it asks for both', () => {
  assert.deepEqual(linesOf('browserFlow', true), [
    'alternative auth-cookie',
    'alternative flow',
    '  conditional flow',
    '    required conditional-level-of-authentication loa-condition-level=2 loa-max-age=36000',
    '    required auth-username-password-form default.reference.maxAge default.reference.value',
    '    required auth-otp-form default.reference.maxAge default.reference.value',
  ])
})

test('wantedFlows(): elsewhere the code is a level of its own, which a client asks for', () => {
  assert.deepEqual(linesOf('browserFlow', false), [
    'alternative auth-cookie',
    'alternative flow',
    '  conditional flow',
    '    required conditional-level-of-authentication loa-condition-level=1 loa-max-age=36000',
    '    required auth-username-password-form default.reference.maxAge default.reference.value',
    '  conditional flow',
    '    required conditional-level-of-authentication loa-condition-level=2 loa-max-age=300',
    '    required auth-otp-form default.reference.maxAge default.reference.value',
  ])
})

test('wantedFlows(): the password grant takes no password alone from whoever has a second factor', () => {
  const lines = [
    'required direct-grant-validate-username',
    'required direct-grant-validate-password default.reference.maxAge default.reference.value',
    'conditional flow',
    '  required conditional-user-configured',
    '  required conditional-level-of-authentication loa-condition-level=2 loa-max-age=0',
    '  required direct-grant-validate-otp default.reference.maxAge default.reference.value',
  ]
  assert.deepEqual(linesOf('directGrantFlow', true), lines)
  assert.deepEqual(linesOf('directGrantFlow', false), lines)
})

test('flowLine() says the same of the same step, and otherwise of another requirement, depth or setting', () => {
  const line = flowLine(1, 'REQUIRED', 'x', { b: '2', a: '1' })
  assert.equal(line, '  required x a=1 b=2')
  assert.equal(flowLine(1, 'REQUIRED', 'x', { a: '1', b: '2' }), line)
  const others = [
    flowLine(0, 'REQUIRED', 'x', { a: '1', b: '2' }),
    flowLine(1, 'DISABLED', 'x', { a: '1', b: '2' }),
    flowLine(1, 'REQUIRED', 'y', { a: '1', b: '2' }),
    flowLine(1, 'REQUIRED', 'x', { a: '1', b: '3' }),
    flowLine(1, 'REQUIRED', 'x', { a: '1' }),
  ]
  for (const other of others) assert.notEqual(other, line)
})
