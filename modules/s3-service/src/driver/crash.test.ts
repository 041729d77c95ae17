import assert from 'node:assert/strict'
import { fork, type ChildProcess } from 'node:child_process'
import { createHash } from 'node:crypto'
import { once } from 'node:events'
import { mkdtemp, readdir, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { fileURLToPath } from 'node:url'
import { openStore } from './test-store.ts'

/** What the child has done, and what it was about to do when it was killed. */
interface Told {
  readonly acknowledged: Map<string, string>
  readonly begun: Set<string>
}

const program = fileURLToPath(new URL('test-writer.ts', import.meta.url))

/** Lets a process put and remove objects, and kills it after a while. */
async function writeAndKill(home: string, afterMs: number): Promise<Told> {
  const child: ChildProcess = fork(program, [home])
  const told: Told = { acknowledged: new Map(), begun: new Set() }
  child.on('message', (message: { readonly key: string; readonly sha256?: string; readonly done: boolean }) => {
    if (!message.done) told.begun.add(message.key)
    else told.begun.delete(message.key)
    if (message.done && message.sha256 !== undefined) told.acknowledged.set(message.key, message.sha256)
    if (message.done && message.sha256 === undefined) told.acknowledged.delete(message.key)
  })
  await once(child, 'message')
  await new Promise((resolve) => setTimeout(resolve, afterMs))
  const ended = once(child, 'exit')
  child.kill('SIGKILL')
  await ended
  return told
}

test('openFileDriver() after kill -9 has all that was acknowledged, nothing by half, and no file too many', async () => {
  const home = await mkdtemp(join(tmpdir(), 'pop-s3-crash-'))
  try {
    for (let round = 0; round < 12; round++) {
      const { acknowledged, begun } = await writeAndKill(home, 20 + Math.random() * 150)
      const store = await openStore(undefined, home)
      const { objects } = await store.driver.list({
        bucket: 'box',
        prefix: '',
        delimiter: '',
        after: undefined,
        limit: 10_000,
      })
      assert.equal((await readdir(join(home, 'objects'))).length, objects.length)
      const present = new Map<string, string>()
      for (const { key } of objects) {
        const open = await store.driver.open('box', key)
        const hash = createHash('sha256')
        for await (const piece of open.read({ from: 0, to: open.info.bytes })) hash.update(piece)
        const sha256 = hash.digest('base64url')
        assert.equal(open.info.etag, `"${sha256}"`)
        present.set(key, sha256)
      }
      for (const [key, sha256] of acknowledged) {
        // What was under way when it was killed may have happened or not.
        if (!begun.has(key)) assert.equal(present.get(key), sha256, `${key} in round ${round}`)
      }
      await store.driver[Symbol.asyncDispose]()
    }
  } finally {
    await rm(home, { recursive: true })
  }
})
