import assert from 'node:assert/strict'
import { join } from 'node:path'
import { test } from 'node:test'
import { openFileLog, type AuditEvent } from '@pop-api/audit'
import { standInBulletin } from '../client/stand-in-bulletin.ts'
import { aroundPop } from '../commands/try-pop.ts'

const base: AuditEvent = {
  timestamp: '2026-01-01T00:00:00.000Z',
  action: 'resource_deletion',
  user: 'bob',
  service: 'notes',
  resource_id: 'mine',
  ip_address: '192.0.2.1',
  status: 'refused',
  request_id: 'r-1',
  operation: 'DELETE /v1/notes/{name}',
  latency_ms: 3,
  subject: 'user:b',
  code: 403,
}

/** A home whose gateway and module have written these events. */
async function homeWith(gateway: readonly Partial<AuditEvent>[], module: readonly Partial<AuditEvent>[] = []) {
  const around = await aroundPop()
  const home = join(around.folder, 'home')
  await standInBulletin(home)
  const logs = [
    [join(home, 'gateway', 'audit'), gateway],
    [join(home, 'notes', 'audit'), module],
  ] as const
  for (const [directory, events] of logs) {
    await using log = await openFileLog({ directory })
    for (const event of events) await log.append({ ...base, ...event }, 'written')
  }
  return around
}

const denial = { decision: 'd-1', reason: 'no role of the caller (user) carries delete_resource; roles that do: admin' }

test('pop explain tells a denial: who, why, and what would have let it pass', async () => {
  await using around = await homeWith([denial, { request_id: 'r-2', decision: 'd-2', code: 200, status: 'success' }])
  for (const id of ['d-1', 'r-1']) {
    const { code, stdout } = await around.pop(['explain', id])
    assert.equal(code, 0)
    assert.match(stdout, /^Denied by the policy: bob – DELETE \/v1\/notes\/\{name\}\n/)
    assert.match(stdout, /who +bob \(user:b\), from 192\.0\.2\.1\n/)
    assert.match(stdout, /resource +mine\n/)
    assert.match(stdout, /policy +denied: no role of the caller \(user\) carries delete_resource/)
    assert.match(stdout, /module +was not asked\n/)
    assert.match(stdout, /\n {2}A role with the permission delete_resource \(now: admin\)\.\n/)
    assert.match(stdout, /\n {2}And the module permission notes\.write, .+ \(now: admin\)\.\n/)
  }
  const answer = JSON.parse((await around.pop(['explain', 'd-1', '--json'])).stdout)
  assert.deepEqual(
    [answer.outcome, answer.problem, answer.policy_reason],
    ['denied', 'permission-denied', denial.reason],
  )
  assert.deepEqual(answer.needs.role, [{ ownership: 'any', permission: 'delete_resource', roles: ['admin'] }])
  assert.equal(answer.events.length, 1)
})

test('pop explain tells what a module refused, and which ownership it would have taken', async () => {
  const gateway = {
    operation: 'GET /v1/notes',
    txn: 't-1',
    decision: 'd-1',
    code: 404,
    reason: 'view_own_resources (own) by the role user',
  }
  const module = { operation: 'GET /', txn: 't-1', decision: 'd-1', code: 404, reason: 'resource-not-found' }
  await using around = await homeWith([gateway], [module])
  const { stdout } = await around.pop(['explain', 't-1'])
  assert.match(stdout, /^Refused by the module: bob – GET \/v1\/notes\n/)
  assert.match(stdout, /policy +allowed: view_own_resources \(own\) by the role user\n/)
  assert.match(stdout, /module +notes: GET \/: refused 404, resource-not-found, 3 ms\n/)
  assert.match(stdout, /the caller may not know of it/)
  assert.match(stdout, /For a resource of the caller’s own a role with view_own_resources \(now: user\)\./)
})

const outcomes: readonly (readonly [string, readonly Partial<AuditEvent>[], RegExp])[] = [
  [
    'a success',
    [{ status: 'success', code: 204, decision: 'd', reason: 'delete_resource by the role admin' }],
    /^Passed: /,
  ],
  [
    'a refusal before the policy',
    [{ code: 401, reason: 'token-expired' }],
    /^Refused by the gateway.+policy +was not asked/s,
  ],
  [
    'a refusal behind the policy',
    [{ code: 422, reason: 'body-invalid', decision: 'd' }],
    /^Refused by the gateway.+by which role was not recorded/s,
  ],
  [
    'a module that was away',
    [{ code: 503, status: 'failure', reason: 'module-unavailable', txn: 't', decision: 'd' }],
    /^Failed.+recorded nothing/s,
  ],
  [
    'an outcome that nobody knows',
    [{ status: 'opened', decision: 'd', reason: 'x by the role y', txn: 't' }],
    /^Outcome unknown.+answer +none/s,
  ],
]
for (const [name, events, expected] of outcomes) {
  test(`pop explain tells ${name}`, async () => {
    const shown = events.map((event) => ({ ...event, ...(event.status === 'opened' ? { latency_ms: 1 } : {}) }))
    await using around = await homeWith(shown.map((event) => withoutCode(event)))
    const { code, stdout } = await around.pop(['explain', 'r-1'])
    assert.equal(code, 0)
    assert.match(stdout, expected)
  })
}

/** An announcement has no status of an answer. */
function withoutCode(event: Partial<AuditEvent>): Partial<AuditEvent> {
  if (event.status !== 'opened') return event
  // JSON leaves out what is undefined, as the gateway's own events do.
  return { ...event, code: undefined } as unknown as Partial<AuditEvent>
}

test('pop explain tells what only the front door counted', async () => {
  await using around = await homeWith([])
  await using log = await openFileLog({ directory: join(around.folder, 'home', 'gateway', 'refusals') })
  const counted = { action: 'refusal', user: '-', service: 'gateway', resource_id: '-', code: 400, count: 7 }
  const { operation: _none, subject: _nobody, ...rest } = base
  await log.append({ ...rest, ...counted, reason: 'ambiguous-target' }, 'written')
  const { code, stdout } = await around.pop(['explain', 'r-1'])
  assert.equal(code, 0)
  assert.match(stdout, /^Refused by the gateway: - – refusal\n/)
  assert.match(stdout, /who +- \(nobody was identified\), from 192\.0\.2\.1\n/)
  assert.match(stdout, /answer +400 ambiguous-target: .+\n/)
  assert.match(stdout, /policy +was not asked\nmodule +was not asked\n/)
})

test('pop explain shows nothing that a terminal would obey', async () => {
  await using around = await homeWith([{ ...denial, user: 'b\u001b[2Job', operation: 'GET /\u202e' }])
  const { stdout } = await around.pop(['explain', 'd-1'])
  assert.match(stdout, /b\\u001b\[2Job/)
  assert.ok(!stdout.includes('\u001b') && !stdout.includes('\u202e'))
  assert.match(stdout, /What the operation needs is not known here/)
})

test('pop explain exits with 1 for an id that no log has, and says what to try', async () => {
  await using around = await homeWith([denial])
  for (const id of ['d', '', 'undefined']) {
    const { code, stdout, stderr } = await around.pop(['explain', id])
    assert.deepEqual([code, stdout], [1, ''], id)
    assert.match(stderr, /no audit event of .+ has the decision, request or transaction/)
    assert.match(stderr, /pop audit tail/)
  }
})

test('pop explain exits with 2 where there are no logs to look into', async () => {
  await using around = await aroundPop()
  const { code, stderr } = await around.pop(['explain', 'r-1'])
  assert.equal(code, 2)
  assert.match(stderr, /there are no audit logs in .+: start with `pop up`/)
})
