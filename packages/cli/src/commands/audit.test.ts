import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdir } from 'node:fs/promises'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { test } from 'node:test'
import { openFileLog, type AuditEvent } from '@pop-api/audit'
import { parseMoment } from './audit-query.ts'
import { aroundPop, type Around } from './try-pop.ts'

const program = new URL('../../bin/pop.ts', import.meta.url).pathname

function event(second: number, change: Partial<AuditEvent> = {}): AuditEvent {
  return {
    timestamp: `2026-01-01T00:00:0${second}.000Z`,
    action: 'resource_read',
    user: 'alice',
    service: 'kafka_service',
    resource_id: 'orders',
    ip_address: '::1',
    status: 'success',
    request_id: `r-${second}`,
    ...change,
  }
}

const openLog = (around: Around, name: string, fileBytesMax?: number, space = 'audit') =>
  openFileLog({
    directory: join(around.folder, 'home', name, space),
    ...(fileBytesMax === undefined ? {} : { fileBytesMax }),
  })

test('pop audit tail puts the logs of all processes in the order of time', async () => {
  await using around = await aroundPop()
  await using gateway = await openLog(around, 'gateway')
  await using kafka = await openLog(around, 'kafka_service')
  await gateway.append(event(1, { code: 200, latency_ms: 3.4, reason: 'role user' }), 'written')
  await gateway.append(
    event(3, { user: 'b\u001b[31mob', status: 'refused', code: 403, count: 2, reason: 'no' }),
    'written',
  )
  await kafka.append(event(2), 'written')
  const { code, stdout } = await around.pop(['audit', 'tail'])
  assert.equal(code, 0)
  const rows = stdout
    .trimEnd()
    .split('\n')
    .map((line) => line.split(/ {2,}/))
  assert.deepEqual(rows, [
    ['TIME', 'LOG', 'SERVICE', 'USER', 'ACTION', 'RESOURCE', 'STATUS', 'MS', 'REQUEST', 'REASON'],
    [
      '2026-01-01T00:00:01.000Z',
      'gateway',
      'kafka_service',
      'alice',
      'resource_read',
      'orders',
      'success 200',
      '3',
      'r-1',
    ],
    [
      '2026-01-01T00:00:02.000Z',
      'kafka_service',
      'kafka_service',
      'alice',
      'resource_read',
      'orders',
      'success',
      '-',
      'r-2',
    ],
    [
      '2026-01-01T00:00:03.000Z',
      'gateway',
      'kafka_service',
      'b\\u001b[31mob',
      'resource_read',
      'orders',
      'refused 403 ×2',
      '-',
      'r-3',
      'no',
    ],
  ])
})

async function requestsOf(around: Around, words: readonly string[]): Promise<readonly string[]> {
  const { stdout } = await around.pop(['audit', 'tail', '--json', ...words])
  return stdout
    .split('\n')
    .filter(Boolean)
    .map((line) => JSON.parse(line).request_id)
}

test('pop audit tail chooses by action, decision and time, and a user also by the sign-ins that tried it', async () => {
  await using around = await aroundPop()
  await using log = await openLog(around, 'gateway')
  const now = Date.now()
  const at = (minutes: number): string => new Date(now - minutes * 60_000).toISOString()
  const changes = [
    { timestamp: at(180), action: 'sign_in', user: '-', resource_id: 'carol', status: 'refused' },
    { timestamp: at(90), user: 'carol', decision: 'd-1', status: 'refused' },
    { timestamp: at(5), resource_id: 'sub carol' },
  ] as const
  for (const [index, change] of changes.entries()) await log.append(event(index, change), 'written')
  const requests = (words: readonly string[]) => requestsOf(around, words)
  assert.deepEqual(await requests(['--user', 'carol']), ['r-0', 'r-1'])
  assert.deepEqual(await requests(['--action', 'sign_in']), ['r-0'])
  assert.deepEqual(await requests(['--decision', 'd-1']), ['r-1'])
  assert.deepEqual(await requests(['--resource', 'carol']), ['r-0', 'r-2'])
  assert.deepEqual(await requests(['--resource', 'caro']), [])
  assert.deepEqual(await requests(['--since', '2h']), ['r-1', 'r-2'])
  assert.deepEqual(await requests(['--since', '2h', '--until', '10m']), ['r-1'])
  assert.deepEqual(await requests(['--until', at(90)]), ['r-0', 'r-1'])
  assert.deepEqual(await requests(['--since', at(4)]), [])
})

test('pop audit tail refuses times that are none, and those between which nothing can be', async () => {
  await using around = await aroundPop()
  await using log = await openLog(around, 'gateway')
  await log.append(event(0), 'written')
  const cases: readonly (readonly [readonly string[], RegExp])[] = [
    [['--since', 'yesterday'], /Give a time such as .+ or how long ago/],
    [['--since', '10 m'], /Give a time/],
    [['--since', '2026-13-01'], /Give a time/],
    [['--since', ''], /Give a time/],
    [['--since', '1h', '--until', '2h'], /nothing is between them/],
    [['--until', '1h', '--follow'], /--until or --follow/],
  ]
  for (const [words, message] of cases) {
    const { code, stderr } = await around.pop(['audit', 'tail', ...words])
    assert.equal(code, 2, words.join(' '))
    assert.match(stderr, message)
  }
})

test('parseMoment() takes spans, times with and without an offset, and the times of the table', () => {
  const now = Date.UTC(2026, 0, 31, 12)
  const cases = [
    ['10m', '2026-01-31T11:50:00.000Z'],
    ['2d', '2026-01-29T12:00:00.000Z'],
    ['2026-01-02', '2026-01-02T00:00:00.000Z'],
    ['2026-01-02 03:04', '2026-01-02T03:04:00.000Z'],
    ['2026-01-02T03:04:05.678Z', '2026-01-02T03:04:05.678Z'],
    ['2026-01-02T03:04:05+01:00', '2026-01-02T02:04:05.000Z'],
    ['11:22:33.444Z', '2026-01-31T11:22:33.444Z'],
  ] as const
  for (const [text, moment] of cases) assert.equal(parseMoment(text, now), moment)
  for (const text of ['', 'Z', '10', '10w', '25:00', '2026-01-02T', 'now']) {
    assert.throws(() => parseMoment(text, now), /Give a time/, text)
  }
})

test('pop audit tail shows what front doors refused, and transactions where there is room', async () => {
  await using around = await aroundPop()
  await using log = await openLog(around, 'gateway')
  await using refusals = await openLog(around, 'gateway', undefined, 'refusals')
  await log.append(event(1, { txn: 't-1' }), 'written')
  const refusal = { action: 'refusal', user: '-', service: 'gateway', resource_id: '-', status: 'refused' } as const
  await refusals.append(event(2, { ...refusal, count: 7, code: 400, reason: 'ambiguous-target' }), 'written')
  const lines = async (columns: number): Promise<readonly string[]> =>
    (await around.pop(['audit', 'tail'], { columns })).stdout.trimEnd().split('\n')
  const narrow = await lines(159)
  assert.match(narrow[2] ?? '', / {2}gateway refusals {2}.+ {2}refused 400 ×7 {2}.+ {2}r-2 {6}ambiguous-target$/)
  assert.doesNotMatch(narrow.join(), /TXN|t-1/)
  const wide = await lines(160)
  assert.match(wide[0] ?? '', /REQUEST {2}TXN {2}REASON/)
  assert.match(wide[1] ?? '', /r-1 {6}t-1$/)
})

test('pop audit tail names the services that there are', async () => {
  await using around = await aroundPop()
  await using log = await openLog(around, 'gateway')
  await log.append(event(0, { service: 's3_service' }), 'written')
  const { code, stderr } = await around.pop(['audit', 'tail', '--service', 'kafka'])
  assert.equal(code, 2)
  assert.equal(stderr, 'pop: there is no event of the service "kafka". There are: gateway, s3_service\n')
  assert.deepEqual(await requestsOf(around, ['--service', 's3_service']), ['r-0'])
})

test('pop audit tail says beside the events what was left out, and where nothing was found', async () => {
  await using around = await aroundPop()
  await using log = await openLog(around, 'gateway')
  for (let second = 0; second < 21; second++) await log.append(event(second % 10), 'written')
  const tail = (...words: readonly string[]) => around.pop(['audit', 'tail', ...words])
  const cut = await tail()
  assert.deepEqual([cut.stdout.split('\n').length, cut.stderr], [22, '20 of 21; -n 0 for all.\n'])
  assert.deepEqual(JSON.parse((await tail('--json')).stderr), { message: '20 of 21; -n 0 for all.' })
  assert.equal((await tail('-n', '5')).stderr, '')
  const all = await tail('-n', '0')
  assert.deepEqual([all.stdout.split('\n').length, all.stderr], [23, ''])
  const none = await tail('--request', 'r-x')
  assert.deepEqual([none.code, none.stdout], [0, ''])
  assert.match(none.stderr, /^No event fits --request r-x\.\nLooked at 21 events of gateway in .+home\.\n/)
  assert.match(none.stderr, /the front door refuses is counted, with only the first request id of each second/)
})

test('pop audit tail chooses by service, user, request and transaction, and the last of them', async () => {
  await using around = await aroundPop()
  await using log = await openLog(around, 'gateway')
  const changes = [{}, { service: 'gateway' }, { user: 'bob', subject: 'user:7' }, { txn: 't' }, {}]
  for (const [index, change] of changes.entries()) await log.append(event(index, change), 'written')
  const requests = (words: readonly string[]) => requestsOf(around, words)
  assert.deepEqual(await requests([]), ['r-0', 'r-1', 'r-2', 'r-3', 'r-4'])
  assert.deepEqual(await requests(['-n', '2']), ['r-3', 'r-4'])
  assert.deepEqual(await requests(['-n', '0']), ['r-0', 'r-1', 'r-2', 'r-3', 'r-4'])
  assert.deepEqual(await requests(['--service', 'gateway']), ['r-1'])
  assert.deepEqual(await requests(['--user', 'bob']), ['r-2'])
  assert.deepEqual(await requests(['--user', 'user:7']), ['r-2'])
  assert.deepEqual(await requests(['--txn', 't']), ['r-3'])
  assert.deepEqual(await requests(['--request', 'r-4', '--user', 'alice']), ['r-4'])
  assert.deepEqual(await requests(['--request', 'r-4', '--user', 'bob']), [])
})

test('pop audit tail says that there are no logs, and refuses a count that is none', async () => {
  await using around = await aroundPop()
  const none = await around.pop(['audit', 'tail'])
  assert.equal(none.code, 2)
  assert.match(none.stderr, /there are no audit logs in .+home: start with `pop up`/)
  assert.equal((await around.pop(['audit', 'tail', '-n', '-1'])).code, 2)
})

function startTail(around: Around, words: readonly string[]) {
  const { PATH, NODE_OPTIONS } = process.env
  const child = spawn(process.execPath, [program, 'audit', 'tail', '--json', '--follow', ...words], {
    env: { ...around.environment, PATH, NODE_OPTIONS },
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  return { child, lines: createInterface({ input: child.stdout })[Symbol.asyncIterator]() }
}

test('pop audit tail --follow goes on over rotations and new logs until Ctrl-C, and then exits with 0', async () => {
  await using around = await aroundPop()
  await mkdir(join(around.folder, 'home'))
  await using log = await openLog(around, 'gateway', 1)
  await log.append(event(0), 'written')
  const { child, lines } = startTail(around, [])
  const next = async (): Promise<string> => JSON.parse(String((await lines.next()).value)).request_id
  assert.equal(await next(), 'r-0')
  await log.append(event(1), 'written')
  assert.equal(await next(), 'r-1')
  await log.append(event(2), 'written')
  assert.equal(await next(), 'r-2')
  await using kafka = await openLog(around, 'kafka_service')
  await kafka.append(event(3), 'written')
  assert.equal(await next(), 'r-3')
  child.kill('SIGINT')
  assert.deepEqual(await once(child, 'exit'), [0, null])
})

test('pop audit tail --follow ends quietly when nobody reads any more', async () => {
  await using around = await aroundPop()
  await using log = await openLog(around, 'gateway')
  await log.append(event(0), 'written')
  const { child, lines } = startTail(around, [])
  await lines.next()
  child.stdout.destroy()
  await log.append(event(1), 'written')
  assert.deepEqual(await once(child, 'exit'), [0, null])
})
