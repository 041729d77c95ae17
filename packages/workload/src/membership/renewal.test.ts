import assert from 'node:assert/strict'
import { test } from 'node:test'
import { keepRenewing, renewalMs } from './renewal.ts'

test('renewalMs() is at half life, a tenth of the life more or less', () => {
  const life = { obtainedMs: 1_000, endMs: 11_000 }
  assert.equal(renewalMs(life, 0), 5_000)
  assert.equal(renewalMs(life, 0.5), 6_000)
  assert.equal(renewalMs(life, 1), 7_000)
})

test('keepRenewing() tells a failure and tries again until it is stopped', async () => {
  const stop = new AbortController()
  const problems: unknown[] = []
  let tries = 0
  let nowMs = 0
  const renew = async () => {
    // The clock of the test runs past every pause, so that only real timers of 0 ms are waited for.
    nowMs += 3_600_000
    if (++tries === 1) throw new Error('control is away')
    if (tries === 3) stop.abort()
    return { obtainedMs: nowMs - 20_000, endMs: nowMs }
  }
  const options = {
    nowMs: () => (nowMs += 60_001),
    random: () => 0.5,
    onProblem: (problem: unknown) => problems.push(problem),
  }
  await keepRenewing({ obtainedMs: -10, endMs: 10 }, renew, options, stop.signal)
  assert.equal(tries, 3)
  assert.equal(problems.length, 1)
})
