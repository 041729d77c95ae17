import assert from 'node:assert/strict'
import { test } from 'node:test'
import { PopError, problemCatalogue, type ModuleInstance, type ModulesSection } from '@pop-api/protocol'
import { answerUnverified, requestUnverified } from '../forward/seal-failure.ts'
import { InstanceUnreachable } from '../forward/module-answer.ts'
import { tokenError } from '../identify/token-error.ts'
import type { Progress, Stage } from '../progress.ts'
import { receive } from '../receive/receive.ts'
import { route } from '../route/route.ts'
import { SignInRefused } from '../serve/oauth/sign-in-refused.ts'
import type { OpenOperation } from '../serve/operation.ts'
import { metricCatalogue } from './catalogue.ts'
import { createMetrics } from './metrics.ts'
import { noteFailure } from './upstreams.ts'

const signIn: OpenOperation = {
  kind: 'open',
  method: 'POST',
  path: '/oauth/token',
  summary: '',
  action: 'sign_in',
  serve: () => ({ status: 200, fields: [], body: Buffer.alloc(0) }),
}

function world(modules: ModulesSection = {}) {
  let nowMs = 0
  let present = modules
  const metrics = createMetrics({
    startedMs: 0,
    ticksMs: () => nowMs,
    bulletinAgeMs: () => 2500,
    modules: () => present,
  })
  return {
    metrics,
    at: (ms: number) => void (nowMs = ms),
    publish: (next: ModulesSection) => void (present = next),
    lines: async () => (await metrics.text()).split('\n'),
  }
}

function progress(stage: Stage, change: Partial<Progress> = {}, url = '/'): Progress {
  const raw = {
    method: 'POST',
    url,
    httpVersion: '1.1',
    rawHeaders: ['Host', 'a'],
    remoteAddress: '::1',
    crowded: false,
  }
  const received = receive(raw, { requestId: 'r', nowMs: 0 })
  return { received, trace: { id: '', traceparent: '' }, beganMs: 0, stage, opened: false, ...change }
}

/** A request for the sign-in. */
function signingIn(change: Partial<Progress> = {}): Progress {
  const begun = progress('serve', change, '/oauth/token')
  begun.routed = route(begun.received, () => ({ kind: 'found', value: signIn, parameters: {} }))
  return begun
}

function instance(name: string, id: string): ModuleInstance {
  return { spiffe_id: `spiffe://pop.internal/module/${name}/${id}`, address: 'https://127.0.0.1:1', boot: 'b' }
}

function modulesOf(...instances: readonly ModuleInstance[]): ModulesSection {
  const manifest = {
    openapi: '3.1.0',
    info: { title: 'notes', version: '1' },
    'x-pop-module': { name: 'notes', base: '/v1/notes', permissions: [] },
    paths: {},
  }
  return { notes: { name: 'notes', manifest, manifest_digest: '', instances } }
}

test('createMetrics() counts a request by operation and status, and how long it took', async () => {
  const { metrics, at, lines } = world()
  at(40)
  metrics.answered(signingIn(), 200)
  metrics.answered(signingIn({ beganMs: 38 }), 200)
  metrics.answered(progress('route'), 404)
  const text = await lines()
  const operation = 'service="gateway",operation="POST /oauth/token"'
  assert.ok(text.includes(`pop_requests_total{${operation},status="200"} 2`))
  assert.ok(text.includes('pop_requests_total{service="gateway",operation="none",status="404"} 1'))
  assert.ok(text.includes(`pop_request_seconds_bucket{le="0.0025",${operation}} 1`))
  assert.ok(text.includes(`pop_request_seconds_bucket{le="0.05",${operation}} 2`))
  assert.ok(text.includes(`pop_request_seconds_sum{${operation}} 0.042`))
  assert.deepEqual((await metrics.json()).requests[0], {
    service: 'gateway',
    operation: 'POST /oauth/token',
    status: '200',
    count: 2,
  })
})

test('createMetrics() gives a status that nobody has defined no name of its own', async () => {
  const { metrics, lines } = world()
  for (let status = 200; status < 1000; status++) metrics.answered(signingIn(), status)
  const series = (await lines()).filter((line) => line.startsWith('pop_requests_total{'))
  assert.ok(series.some((line) => line.includes('status="other"')))
  assert.ok(series.some((line) => line.includes('status="499"')))
  assert.ok(series.length < 70, String(series.length))
})

test('createMetrics() counts a refusal by the stage that refused, once', async () => {
  const { metrics, lines } = world()
  metrics.refusedAtDoor('ambiguous-target')
  metrics.refused(progress('admit'), new PopError('rate-limited', ''))
  metrics.answered(progress('permit', { refusal: new PopError('permission-denied', '') }), 403)
  const text = await lines()
  assert.ok(text.includes('pop_refusals_total{stage="receive",code="ambiguous-target"} 1'))
  assert.ok(text.includes('pop_refusals_total{stage="admit",code="rate-limited"} 1'))
  assert.ok(text.includes('pop_refusals_total{stage="permit",code="permission-denied"} 1'))
  assert.ok(text.includes('pop_requests_total{service="gateway",operation="none",status="403"} 1'))
  assert.ok(!text.some((line) => line.startsWith('pop_token_failures_total{')))
})

test('createMetrics() says what was wrong with a token, and not of a refusal that is about something else', async () => {
  const { metrics, lines } = world()
  metrics.refused(progress('identify'), tokenError('token-invalid', '', 'audience'))
  metrics.refused(progress('identify'), tokenError('token-expired', ''))
  metrics.refused(progress('identify'), new PopError('credential-missing', ''))
  metrics.refused(progress('permit'), new PopError('second-factor-required', ''))
  metrics.refused(progress('limit'), new PopError('rate-limited', ''))
  const reasons = (await lines()).filter((line) => line.startsWith('pop_token_failures_total{'))
  assert.deepEqual(reasons, [
    'pop_token_failures_total{reason="audience"} 1',
    'pop_token_failures_total{reason="token-expired"} 1',
    'pop_token_failures_total{reason="credential-missing"} 1',
    'pop_token_failures_total{reason="second-factor-required"} 1',
  ])
})

test('createMetrics() tells sign-in from refresh, and what the gateway alone knows of a failure', async () => {
  const { metrics, lines } = world()
  metrics.refused(signingIn(), new SignInRefused('second-factor-missing'))
  metrics.refused(signingIn(), new PopError('sign-in-refused', ''))
  metrics.refused(signingIn({ action: 'token_refresh' }), new PopError('sign-in-refused', ''))
  metrics.refused(progress('identify'), new PopError('credential-missing', ''))
  const failures = (await lines()).filter((line) => line.startsWith('pop_sign_in_failures_total{'))
  assert.deepEqual(failures, [
    'pop_sign_in_failures_total{action="sign_in",reason="second-factor-missing"} 1',
    'pop_sign_in_failures_total{action="sign_in",reason="sign-in-refused"} 1',
    'pop_sign_in_failures_total{action="token_refresh",reason="sign-in-refused"} 1',
  ])
})

test('createMetrics() counts seals that did not hold, and gives a word of a module no series', async () => {
  const { metrics, lines } = world()
  metrics.refused(progress('forward'), answerUnverified({ code: 'seal-replayed', detail: '' }))
  metrics.refused(progress('forward'), requestUnverified('seal-expired'))
  metrics.refused(progress('forward'), requestUnverified('seal-full'))
  for (let index = 0; index < 100; index++) metrics.refused(progress('forward'), requestUnverified(`seal-${index}`))
  const failures = (await lines()).filter((line) => line.startsWith('pop_seal_failures_total{'))
  assert.deepEqual(failures, [
    'pop_seal_failures_total{service="gateway",side="answer",reason="seal-replayed"} 1',
    'pop_seal_failures_total{service="gateway",side="request",reason="seal-expired"} 1',
    'pop_seal_failures_total{service="gateway",side="request",reason="seal-full"} 1',
    'pop_seal_failures_total{service="gateway",side="request",reason="other"} 100',
  ])
  assert.equal(requestUnverified('seal-full').code, 'module-unavailable')
})

test('createMetrics() shows the instances of the bulletin alone, and one that was never called not at all', async () => {
  const one = instance('notes', '1')
  const { metrics, publish, lines } = world(modulesOf(one, instance('notes', '2')))
  const upstream = metrics.upstreams.of(one)
  upstream.inFlight = 2
  upstream.answerBytes = 7
  noteFailure(upstream, new InstanceUnreachable(new Error('refused')))
  noteFailure(upstream, new PopError('client-gone', ''))
  const about = async () => (await lines()).filter((line) => line.startsWith('pop_upstream_'))
  const named = 'service="notes",service_instance="1"'
  assert.deepEqual(await about(), [
    `pop_upstream_up{${named}} 0`,
    `pop_upstream_in_flight{${named}} 2`,
    `pop_upstream_failures_total{${named},reason="unreachable"} 1`,
    `pop_upstream_failures_total{${named},reason="module-unavailable"} 0`,
    `pop_upstream_failures_total{${named},reason="module-timeout"} 0`,
    `pop_upstream_failures_total{${named},reason="answer-unverified"} 0`,
    `pop_upstream_stream_bytes_total{${named},direction="request"} 0`,
    `pop_upstream_stream_bytes_total{${named},direction="answer"} 7`,
  ])
  publish({})
  assert.deepEqual(await about(), [])
  assert.equal(metrics.upstreams.find(one.spiffe_id), upstream, 'something is under way there')
  upstream.inFlight = 0
  assert.deepEqual(await about(), [])
  assert.equal(metrics.upstreams.find(one.spiffe_id), undefined)
})

test('createMetrics() tells every metric of the catalogue, and no other', async () => {
  const { metrics, lines } = world()
  metrics.recording.lost = 3
  const text = await lines()
  const told = text.filter((line) => line.startsWith('# TYPE ')).map((line) => line.slice('# TYPE '.length))
  const catalogue = Object.entries(metricCatalogue).map(([name, { type }]) => `${name} ${type}`)
  assert.deepEqual(told.toSorted(), catalogue.toSorted())
  assert.ok(text.includes('pop_bulletin_age_seconds 2.5'))
  assert.ok(text.includes('pop_audit_failures_total 3'))
  for (const name of ['process_cpu_seconds_total', 'process_resident_memory_bytes', 'process_start_time_seconds'])
    assert.ok(
      text.some((line) => line.startsWith(name) && Number(line.split(' ')[1]) > 0),
      name,
    )
})

test('createMetrics() has no more refusals than stages and codes, whatever is asked for', async () => {
  const { metrics, lines } = world()
  const codes = Object.keys(problemCatalogue)
  for (let index = 0; index < 500; index++) {
    const url = `/${'x'.repeat(index % 50)}${index}`
    const refusal = new PopError('no-such-operation', url)
    metrics.answered(progress('route', { refusal, account: url, action: 'sign_in' }, url), 404)
  }
  const text = await lines()
  assert.equal(text.filter((line) => line.startsWith('pop_refusals_total{')).length, 1)
  assert.ok(codes.length < 100, 'every code may become a series of each stage')
  assert.ok(!text.some((line) => line.includes('xxx')))
})
