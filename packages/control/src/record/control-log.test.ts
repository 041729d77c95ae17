import assert from 'node:assert/strict'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { readAudit, type AuditEvent } from '@pop-api/audit'
import { manifestDigest, PopError } from '@pop-api/protocol'
import { exchangeJson, joinModule } from '@pop-api/workload'
import { manifestOf, startTestControl, type TestControl } from '../test-world.ts'
import { openControlLog } from './control-log.ts'

function eventsIn(world: TestControl, folder: 'audit' | 'refusals'): Promise<AuditEvent[]> {
  return Array.fromAsync(readAudit(join(world.home, folder)))
}

function said(events: readonly AuditEvent[]): string[] {
  return events.map(({ action, status, user, resource_id }) => `${action} ${status} ${user} ${resource_id}`)
}

const notes = manifestOf('notes', '/v1/notes')
const notesId = 'spiffe://pop.internal/module/notes/1'

test('control records enrolment, pin, instance, renewal and approval, each before its answer', async () => {
  await using world = await startTestControl({ approveAutomatically: false })
  const boot = await world.boot('notes', 'module')
  const first = await joinModule(boot, notes)
  const report = { address: 'https://127.0.0.1:7101', manifest_digest: manifestDigest(notes), boot: 'A'.repeat(22) }
  await first.reportInstance(report)
  assert.deepEqual(said(await eventsIn(world, 'audit')), [
    'settings_publication success - policy',
    'settings_publication success - settings',
    'manifest_pin success notes notes',
    `enrolment success notes ${notesId}`,
    `instance_report success ${notesId} ${notesId}`,
  ])
  await first[Symbol.asyncDispose]()
  await using second = await joinModule(boot, manifestOf('notes', '/v1/notes', 'create_resource'))
  assert.equal(second.spiffeId, notesId)
  assert.equal(await world.handle().approveModule('notes'), true)
  assert.equal(await world.handle().approveModule('notes'), false)
  const events = (await eventsIn(world, 'audit')).slice(5)
  assert.deepEqual(said(events), [
    'manifest_pin refused notes notes',
    `renewal success ${notesId} ${notesId}`,
    'manifest_approval success - notes',
    'manifest_approval refused - notes',
  ])
  assert.match(events[0]?.reason ?? '', /^waits for: pop module approve notes/)
  assert.ok(events.every(({ service }) => service === 'control'))
})

test('control counts refused enrolments in a space of their own, so that no stranger fills its log', async () => {
  await using world = await startTestControl()
  const before = (await eventsIn(world, 'audit')).length
  const { admin, caPem } = world.handle()
  const ask = (body: unknown) => exchangeJson({ method: 'POST', url: `${admin}/enrol`, tls: { ca: caPem }, body })
  const refused = await Promise.allSettled(Array.from({ length: 20 }, () => ask({ token: 'guessed' })))
  assert.ok(refused.every(({ status }) => status === 'rejected'))
  const { token } = await world.boot('notes', 'module')
  await assert.rejects(ask({ token, csr: 'none' }), { code: 'enrolment-refused' })
  await world.stop()
  assert.equal((await eventsIn(world, 'audit')).length, before)
  const counted = await eventsIn(world, 'refusals')
  const strangers = counted.filter(({ user }) => user === '-')
  assert.ok(strangers.length < 20, String(strangers.length))
  assert.equal(
    strangers.reduce((sum, { count = 0 }) => sum + count, 0),
    20,
  )
  assert.deepEqual(said(counted.filter(({ user }) => user !== '-')), [`enrolment refused notes ${notesId}`])
  assert.doesNotMatch(JSON.stringify(counted), /guessed/)
})

test('openControlLog() refuses what it cannot record, and says whether it was done', async () => {
  const home = await mkdtemp(join(tmpdir(), 'pop-log-'))
  try {
    const log = await openControlLog({ home, nowMs: Date.now, onFault: () => undefined })
    const event = { action: 'renewal', resource_id: notesId, status: 'success' } as const
    await log.record(event, 'unknown')
    await log[Symbol.asyncDispose]()
    await assert.rejects(log.record(event, 'unknown'), (error) => {
      assert.ok(error instanceof PopError)
      assert.equal(error.code, 'audit-unavailable')
      assert.deepEqual(error.members, { outcome: 'unknown' })
      return true
    })
  } finally {
    await rm(home, { recursive: true })
  }
})
