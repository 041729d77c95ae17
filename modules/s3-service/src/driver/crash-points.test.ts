import assert from 'node:assert/strict'
import { fork } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, readdir, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { fileURLToPath } from 'node:url'
import { contentOf, openStore, putBytes } from './test-store.ts'

const program = fileURLToPath(new URL('test-crash-point.ts', import.meta.url))
const [before, after] = [Buffer.alloc(200_000, 'before'), Buffer.alloc(150_000, 'after')]

/** What is there after a crash at a point, where `present` was there ahead of it. */
const cases = [
  { action: 'put', point: 'before-folder', present: undefined, left: undefined },
  { action: 'put', point: 'before-folder', present: before, left: before },
  { action: 'put', point: 'in-transaction', present: undefined, left: undefined },
  { action: 'put', point: 'in-transaction', present: before, left: before },
  { action: 'put', point: 'before-unlink', present: before, left: after },
  { action: 'remove', point: 'in-transaction', present: before, left: before },
  { action: 'remove', point: 'before-unlink', present: before, left: undefined },
] as const

for (const { action, point, present, left } of cases) {
  const ahead = present === undefined ? 'without' : 'with'
  test(`${action}() killed ${point}, ${ahead} an object ahead of it, leaves one that is whole and no other file`, async () => {
    const home = await mkdtemp(join(tmpdir(), 'pop-s3-crash-'))
    try {
      const first = await openStore(undefined, home)
      if (present !== undefined) await putBytes(first, 'a', present)
      await first.driver[Symbol.asyncDispose]()
      const child = fork(program, [home, action, point])
      assert.deepEqual(await once(child, 'exit'), [null, 'SIGKILL'])
      // Something is left over in every case but those that had not begun to change the disk.
      const found = (await readdir(join(home, 'objects'))).length
      const reopened = await openStore(undefined, home)
      const kept = left === undefined ? 0 : 1
      assert.equal((await readdir(join(home, 'objects'))).length, kept)
      assert.ok(found > kept || (action === 'remove' && point === 'in-transaction'))
      const { objects, bytes } = await reopened.driver.bucket('box')
      assert.deepEqual([objects, bytes], [kept, left?.length ?? 0])
      if (left !== undefined) assert.ok((await contentOf(reopened, 'a')).equals(left))
      await reopened.driver[Symbol.asyncDispose]()
    } finally {
      await rm(home, { recursive: true })
    }
  })
}
