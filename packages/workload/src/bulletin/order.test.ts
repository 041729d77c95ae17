import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { BulletinChange, BulletinSnapshot } from '@pop-api/protocol'
import { judgeChange, judgeSnapshot } from './order.ts'

const applied = { epoch: 2, sequence: 7, issued: 1_000 }
const base = { aud: 'gateways', ...applied, previous: 7 }
const snapshot = (change: Partial<BulletinSnapshot>): BulletinSnapshot => ({ ...base, sections: {}, ...change })
const settings = (change: object): BulletinChange => ({ ...base, section: 'settings', value: {}, ...change })
const heartbeat = (change: object): BulletinChange => ({ ...base, section: 'heartbeat', ...change })

test('judgeSnapshot() applies a higher position, and the same one said later', () => {
  assert.equal(judgeSnapshot(undefined, snapshot({ epoch: 1, sequence: 1 })), 'apply')
  assert.equal(judgeSnapshot(applied, snapshot({ sequence: 8, issued: 1 })), 'apply')
  assert.equal(judgeSnapshot(applied, snapshot({ epoch: 3, sequence: 1 })), 'apply')
  assert.equal(judgeSnapshot(applied, snapshot({ issued: 1_001 })), 'apply')
})

test('judgeSnapshot() refuses a lower position and the same one said earlier or at the same time', () => {
  assert.equal(judgeSnapshot(applied, snapshot({ sequence: 6, issued: 9_999 })), 'lower')
  assert.equal(judgeSnapshot(applied, snapshot({ epoch: 1, sequence: 99, issued: 9_999 })), 'lower')
  assert.equal(judgeSnapshot(applied, snapshot({})), 'lower')
  assert.equal(judgeSnapshot(applied, snapshot({ issued: 999 })), 'lower')
})

const changes: readonly (readonly [string, BulletinChange, ReturnType<typeof judgeChange>])[] = [
  ['the next change of the view', settings({ sequence: 8 }), 'apply'],
  ['the next change though others counted in between', settings({ sequence: 12 }), 'apply'],
  ['a change after one that was missed', settings({ sequence: 9, previous: 8 }), 'gap'],
  ['a change of a higher epoch', settings({ epoch: 3, sequence: 8 }), 'gap'],
  ['a change that was applied', settings({}), 'lower'],
  ['a change of a lower epoch', settings({ epoch: 1, sequence: 99 }), 'lower'],
  ['a heartbeat said later', heartbeat({ issued: 1_001 }), 'beat'],
  ['a heartbeat said before', heartbeat({}), 'lower'],
  ['a heartbeat of a position that was missed', heartbeat({ sequence: 8, previous: 8 }), 'gap'],
  ['a heartbeat of a higher epoch', heartbeat({ epoch: 3 }), 'gap'],
  ['a heartbeat of a lower position', heartbeat({ sequence: 6, issued: 9_999 }), 'lower'],
]

for (const [name, change, judgement] of changes) {
  test(`judgeChange() takes ${name} as: ${judgement}`, () => assert.equal(judgeChange(applied, change), judgement))
}
