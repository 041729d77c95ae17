import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { text } from 'node:stream/consumers'
import { test } from 'node:test'
import { root } from './tree.ts'

/** A proof, shorter than `npm run prove` makes it. */
async function prove(...words: readonly string[]) {
  const child = spawn(process.execPath, ['prove/run.ts', ...words], { cwd: root })
  const [output, told] = await Promise.all([text(child.stdout), text(child.stderr), once(child, 'close')])
  return { code: child.exitCode, output, told }
}

/** The one line of figures. Whether times and sizes were met is for the proof on a machine of its own, not for a test among others. */
function figuresOf({ code, output, told }: Awaited<ReturnType<typeof prove>>): Readonly<Record<string, unknown>> {
  const lines = output.trimEnd().split('\n')
  assert.equal(lines.length, 1, `${told}\n${output}`)
  // Written by the program under test.
  const figures = JSON.parse(output) as Readonly<Record<string, unknown>>
  assert.equal(code, figures['met'] === true ? 0 : 1)
  return figures
}

test('prove crash: after a kill of each process nothing acknowledged is lost', async () => {
  const figures = figuresOf(await prove('crash', '--kills', '6'))
  const { proof, kills, acknowledged_records: records, acknowledged_puts: puts } = figures
  assert.deepEqual([proof, kills], ['crash', 6])
  assert.ok(Number(records) > 0 && Number(puts) > 0)
  for (const name of ['lost_records', 'repeated_records', 'lost_objects', 'damaged_objects', 'orphans'])
    assert.equal(figures[name], 0, name)
})

test('prove large-object: an object comes back identical, whole and in part', async () => {
  const { proof, identical, range_identical: part } = figuresOf(await prove('large-object', '--bytes', '100000000'))
  assert.deepEqual([proof, identical, part], ['large-object', true, true])
})

test('prove tells what there is to prove, and refuses what there is not', async () => {
  assert.match((await prove('--help')).output, /large-object/)
  assert.equal((await prove('everything')).code, 2)
  assert.equal((await prove()).code, 2)
})
