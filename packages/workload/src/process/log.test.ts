import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { test } from 'node:test'

/** What a process with a log of its own leaves on standard error. */
function logged(code: string): Record<string, unknown> {
  const module = new URL('log.ts', import.meta.url).href
  const program = `import { openProcessLog } from '${module}'\nconst log = openProcessLog('gateway')\n${code}`
  const { stderr, stdout, status } = spawnSync(process.execPath, ['--input-type=module', '-e', program], {
    encoding: 'utf8',
  })
  assert.deepEqual([status, stdout], [0, ''])
  return JSON.parse(stderr)
}

test('openProcessLog() writes one line of JSON with level, time and process, also right before an exit', () => {
  const line = logged(`log.warn({ request_id: 'r' }, 'slow'); process.exit(0)`)
  assert.equal(line['level'], 'warn')
  assert.equal(line['process'], 'gateway')
  assert.equal(line['request_id'], 'r')
  assert.equal(line['msg'], 'slow')
  assert.ok(Date.parse(String(line['time'])) > 0)
})

test('openProcessLog() writes an error with its causes, and nothing that hangs on them', () => {
  const line = logged(`
    const inner = Object.assign(new TypeError('inner'), { body: { access_token: 'secret' } })
    const outer = Object.assign(new Error('outer', { cause: inner }), { code: 'E1', response: { refresh_token: 'secret' } })
    log.error({ err: outer }, 'failed')`)
  const text = JSON.stringify(line)
  assert.match(text, /"type":"Error","message":"outer","code":"E1"/)
  assert.match(text, /"cause":\{"type":"TypeError","message":"inner"/)
  assert.doesNotMatch(text.replaceAll(/"stack":"[^"]*"/g, ''), /secret/)
})

test('setLevel() keeps back what is below it, from then on', () => {
  const line = logged(
    `log.setLevel('error'); log.info({}, 'a'); log.warn({}, 'b'); log.error({}, 'c'); log.setLevel('info')`,
  )
  assert.equal(line['msg'], 'c')
})
