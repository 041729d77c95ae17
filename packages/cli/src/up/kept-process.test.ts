import assert from 'node:assert/strict'
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { test } from 'node:test'
import type { JsonObject } from '@pop-api/protocol'
import { startChild, type Child } from './child.ts'
import type { SupervisorEvent } from './events.ts'
import { FirstStartError, KeptProcess, restartPauseMs, type KeepOptions } from './kept-process.ts'
import { makeTemporaryFolder } from './temporary-folder.ts'

const programs = {
  serves: `process.on('disconnect', () => process.exit(0)); process.send({ type: 'ready', number: 7 })`,
  fails: `console.error('no, because'); process.exitCode = 2; process.disconnect()`,
  'is-silent': `setInterval(() => {}, 1000)`,
  'stays-on': `process.on('SIGTERM', () => {}); setInterval(() => {}, 1000); process.send({ type: 'ready' })`,
}

/** A kept process that runs the programs named one after the other, the last of them again and again. */
async function keep(names: readonly (keyof typeof programs | 'throws')[], change: Partial<KeepOptions> = {}) {
  const folder = await makeTemporaryFolder()
  const events: SupervisorEvent[] = []
  const lines: string[] = []
  const ready: JsonObject[] = []
  const heard: (() => void)[] = []
  let starts = 0
  const launch = async (): Promise<Child> => {
    const name = names[Math.min(starts++, names.length - 1)] ?? 'throws'
    if (name === 'throws') throw new Error('no token')
    const program = join(folder.path, `${name}.mjs`)
    await writeFile(program, programs[name])
    return startChild({ program, environment: {}, onLine: (line) => lines.push(line), onMessage: () => undefined })
  }
  const kept = new KeptProcess({
    name: 'gateway',
    launch,
    onReady: async (message) => void ready.push(message),
    log: {
      emit: (event) => {
        events.push(event)
        for (const wake of heard.splice(0)) wake()
      },
      [Symbol.dispose]: () => undefined,
    },
    force: new AbortController().signal,
    ...change,
  })
  const hears = async (event: SupervisorEvent['event'], times = 1): Promise<SupervisorEvent> => {
    for (;;) {
      const found = events.filter((each) => each.event === event)[times - 1]
      if (found !== undefined) return found
      await new Promise<void>((resolve) => heard.push(resolve))
    }
  }
  const pid = async (times = 1): Promise<number> => {
    const event = await hears('child_ready', times)
    assert.ok(event.event === 'child_ready')
    return event.pid
  }
  return {
    kept,
    events,
    lines,
    ready,
    hears,
    pid,
    [Symbol.asyncDispose]: async () => {
      await kept[Symbol.asyncDispose]()
      await folder[Symbol.asyncDispose]()
    },
  }
}

test('restartPauseMs() begins fast and ends at five seconds', () => {
  assert.deepEqual([0, 1, 2, 5, 6, 100].map(restartPauseMs), [100, 200, 400, 3200, 5000, 5000])
})

test('KeptProcess starts a process again when it is killed', async () => {
  await using world = await keep(['serves'])
  await world.kept.start()
  assert.deepEqual(world.ready, [{ type: 'ready', number: 7 }])
  const pid = await world.pid()
  process.kill(pid, 'SIGKILL')
  assert.deepEqual(await world.hears('ended'), {
    event: 'ended',
    child: 'gateway',
    pid,
    code: null,
    signal: 'SIGKILL',
  })
  assert.notEqual(await world.pid(2), pid)
  await world.kept.whenServing(new AbortController().signal)
})

test('KeptProcess goes on after a start that fails, that throws and that takes too long', async () => {
  await using world = await keep(['serves', 'fails', 'throws', 'is-silent', 'serves'], { readyMsMax: 1_000 })
  await world.kept.start()
  process.kill(await world.pid(), 'SIGKILL')
  await world.pid(2)
  const reasons = world.events.flatMap((event) => (event.event === 'restart_failed' ? [event.reason] : []))
  assert.deepEqual(reasons, ['ended with code 2', 'no token', 'was not ready in time'])
})

test('KeptProcess.start() throws for a process that ends or is silent, and does not try again', async () => {
  {
    await using world = await keep(['fails'])
    await assert.rejects(world.kept.start(), (error) => error instanceof FirstStartError && error.exit?.code === 2)
    assert.deepEqual(world.lines, ['no, because'])
    assert.equal(world.events.filter(({ event }) => event === 'started').length, 1)
  }
  await using silent = await keep(['is-silent'], { readyMsMax: 300 })
  await assert.rejects(silent.kept.start(), /not ready in time/)
})

test('KeptProcess kills what does not stop in time, or at once when it is forced', async () => {
  for (const change of [{ stopMsMax: 100 }, { force: AbortSignal.abort() }]) {
    await using world = await keep(['stays-on'], change)
    await world.kept.start()
    const pid = await world.pid()
    await world.kept[Symbol.asyncDispose]()
    assert.deepEqual(await world.hears('killed'), { event: 'killed', child: 'gateway', pid })
    assert.throws(() => process.kill(pid, 0), { code: 'ESRCH' })
  }
})

test('KeptProcess is not started again once it is stopped, and nobody waits for it in vain', async () => {
  await using world = await keep(['serves'])
  await world.kept.start()
  await world.kept[Symbol.asyncDispose]()
  assert.ok(!world.events.some(({ event }) => event === 'restarting'))
  await assert.rejects(world.kept.whenServing(AbortSignal.abort()), { name: 'AbortError' })
  await assert.rejects(world.kept.start(), { name: 'AbortError' })
})
