import assert from 'node:assert/strict'
import { test } from 'node:test'
import { judgeTry, untouchedAccount, type AccountState, type Proof } from './lockout.ts'

const rules = { failuresMax: 5, lockMs: 300_000 }
const nowMs = 1_000_000

test('judgeTry() locks at the failure that reaches the limit, not before', () => {
  let state = untouchedAccount
  for (let failures = 1; failures <= 4; failures += 1) {
    state = judgeTry(state, { kind: 'wrong' }, rules, nowMs).state
    assert.deepEqual(state, { failures, lockedUntilMs: 0, lastStep: -1 })
  }
  assert.equal(judgeTry(state, { kind: 'right', step: 7 }, rules, nowMs).accepted, true)
  state = judgeTry(state, { kind: 'wrong' }, rules, nowMs).state
  assert.deepEqual(state, { failures: 5, lockedUntilMs: nowMs + 300_000, lastStep: -1 })
})

test('judgeTry() refuses and changes nothing while the account is locked', () => {
  const locked: AccountState = { failures: 5, lockedUntilMs: nowMs + 1, lastStep: 3 }
  const proofs: readonly Proof[] = [{ kind: 'right', step: 7 }, { kind: 'wrong' }, { kind: 'incomplete' }]
  for (const proof of proofs)
    assert.deepEqual(judgeTry(locked, proof, rules, nowMs), { accepted: false, state: locked })
})

test('judgeTry() begins anew once a lock has ended', () => {
  const ended: AccountState = { failures: 5, lockedUntilMs: nowMs, lastStep: 3 }
  assert.equal(judgeTry(ended, { kind: 'right', step: 7 }, rules, nowMs).accepted, true)
  assert.deepEqual(judgeTry(ended, { kind: 'wrong' }, rules, nowMs).state, {
    failures: 1,
    lockedUntilMs: 0,
    lastStep: 3,
  })
})

test('judgeTry() forgets the failures and keeps the step of a right try', () => {
  const state: AccountState = { failures: 4, lockedUntilMs: 0, lastStep: 3 }
  const kept = judgeTry(state, { kind: 'right', step: 7 }, rules, nowMs).state
  assert.deepEqual(kept, { failures: 0, lockedUntilMs: 0, lastStep: 7 })
  assert.equal(judgeTry(state, { kind: 'right', step: undefined }, rules, nowMs).state.lastStep, 3)
})

test('judgeTry() refuses an incomplete try without counting it', () => {
  const state: AccountState = { failures: 4, lockedUntilMs: 0, lastStep: 3 }
  assert.deepEqual(judgeTry(state, { kind: 'incomplete' }, rules, nowMs), { accepted: false, state })
})
