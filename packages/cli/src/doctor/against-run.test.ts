import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { test } from 'node:test'
import { aroundPop } from '../commands/try-pop.ts'

const program = new URL('../../bin/pop.ts', import.meta.url).pathname

test('pop doctor finds nothing that fails in a fresh run, and looks at everything', async () => {
  await using around = await aroundPop()
  const { PATH, NODE_OPTIONS } = process.env
  const up = spawn(process.execPath, [program, 'up', '--port-base', '0', '--json'], {
    env: { ...around.environment, PATH, NODE_OPTIONS },
    cwd: around.folder,
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  const ended = once(up, 'exit')
  try {
    for await (const line of createInterface({ input: up.stdout })) if (JSON.parse(line).event === 'ready') break
    up.stdout.resume()
    const { stdout } = await around.pop(['doctor', '--json'])
    const { ok: isWell, home, findings } = JSON.parse(stdout)
    assert.equal(home, join(around.folder, 'home'))
    assert.deepEqual([isWell, findings.filter(({ state }: { state: string }) => state === 'fail')], [true, []])
    // The ports of a run are its own.
    const skipped = findings.filter(({ state }: { state: string }) => state === 'skip')
    assert.deepEqual(
      skipped.map(({ check }: { check: string }) => check),
      ['ports'],
    )
    const policy = await around.pop(['policy', 'matrix'])
    assert.match(policy.stdout, /^POST \/v1\/kafka\/topics +kafka_service +yes +yes +-$/m)
  } finally {
    up.kill('SIGTERM')
    await ended
  }
})
