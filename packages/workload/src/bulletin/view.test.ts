import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { BulletinChange, BulletinSnapshot } from '@pop-api/protocol'
import { proofOf, viewAfter, viewOfSnapshot, type Proved } from './view.ts'

const at = (sequence: number) => ({ aud: 'gateways', epoch: 1, sequence, previous: 1, issued: sequence })
const snapshot: Proved<BulletinSnapshot> = { claims: { ...at(1), sections: { settings: {} } }, jws: 'snapshot' }
const change: Proved<BulletinChange> = { claims: { ...at(2), section: 'settings', value: { a: 1 } }, jws: 'change' }
const heartbeat: Proved<BulletinChange> = { claims: { ...at(2), section: 'heartbeat' }, jws: 'heartbeat' }

test('proofOf() is the smallest message that has the position of the view', () => {
  const view = viewOfSnapshot(snapshot)
  assert.equal(proofOf(view), 'snapshot')
  const changed = viewAfter(view, change)
  assert.equal(proofOf(changed), 'change')
  const beaten = viewAfter(changed, heartbeat)
  assert.equal(proofOf(beaten), 'heartbeat')
  const later = { ...change, claims: { ...change.claims, ...at(3) }, jws: 'later' }
  assert.equal(proofOf(viewAfter(beaten, later)), 'later', 'a heartbeat of an earlier position proves nothing')
})
