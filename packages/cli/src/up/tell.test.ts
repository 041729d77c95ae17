import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { SupervisorEvent } from './events.ts'
import { catchStopSignals } from './stop-signals.ts'
import { tellPerson } from './tell.ts'

const ended: SupervisorEvent = { event: 'ended', child: 'gateway', pid: 1, code: null, signal: 'SIGKILL' }

test('tellPerson() tells of ends and restarts with the next command to try, and not of ends while stopping', () => {
  const texts: string[] = []
  const tell = tellPerson((text) => texts.push(text), ' --home /h')
  tell({ event: 'child_ready', child: 'gateway', pid: 1, start: 1 }, '')
  tell(ended, '')
  tell({ event: 'child_ready', child: 'gateway', pid: 2, start: 2 }, '')
  assert.deepEqual(texts, [
    'gateway ended by SIGKILL. See: npx pop logs gateway --home /h\n',
    'gateway serves again.\n',
  ])
  tell({ event: 'stopping' }, '')
  tell(ended, '')
  assert.equal(texts.length, 3)
})

test('catchStopSignals() takes two Ctrl-C within a second for one, and a later one for force', () => {
  let nowMs = 5_000
  using signals = catchStopSignals(() => nowMs)
  process.emit('SIGINT', 'SIGINT')
  assert.ok(signals.stop.aborted)
  nowMs += 999
  process.emit('SIGINT', 'SIGINT')
  process.emit('SIGTERM', 'SIGTERM')
  assert.ok(!signals.force.aborted)
  nowMs += 1
  process.emit('SIGTERM', 'SIGTERM')
  assert.ok(!signals.force.aborted)
  process.emit('SIGINT', 'SIGINT')
  assert.ok(signals.force.aborted)
})

test('catchStopSignals() lets the process go when it is disposed', () => {
  const before = process.listenerCount('SIGTERM')
  {
    using signals = catchStopSignals()
    assert.equal(process.listenerCount('SIGTERM'), before + 1)
    assert.ok(!signals.stop.aborted)
  }
  assert.equal(process.listenerCount('SIGTERM'), before)
})
