import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { text } from 'node:stream/consumers'
import { test } from 'node:test'
import { root } from './tree.ts'

/** A proof, shorter than `npm run prove` makes it. */
async function prove(...words: readonly string[]) {
  const child = spawn(process.execPath, ['prove/run.ts', ...words], { cwd: root })
  const [output, told] = await Promise.all([text(child.stdout), text(child.stderr)])
  return { code: child.exitCode, output, told }
}

test('prove crash: after a kill of each process nothing acknowledged is lost', async () => {
  const { code, output, told } = await prove('crash', '--kills', '6')
  assert.equal(code, 0, `${told}\n${output}`)
  assert.match(output, /^\{"proof":"crash","met":true,"kills":6,.*\}\n$/)
})

test('prove large-object: an object comes back identical, and nobody grows with it', async () => {
  const { code, output, told } = await prove('large-object', '--bytes', '100000000')
  assert.equal(code, 0, `${told}\n${output}`)
  assert.match(output, /^\{"proof":"large-object","met":true,"bytes":100000000,.*\}\n$/)
})

test('prove tells what there is to prove, and refuses what there is not', async () => {
  assert.match((await prove('--help')).output, /large-object/)
  assert.equal((await prove('everything')).code, 2)
  assert.equal((await prove()).code, 2)
})
