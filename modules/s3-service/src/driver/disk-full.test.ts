import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'

const program = fileURLToPath(new URL('test-full-disk.ts', import.meta.url))
const run = promisify(execFile)

test('put() on a disk without room is storage-full, and loses nothing', async () => {
  const home = await mkdtemp(join(tmpdir(), 'pop-s3-full-'))
  try {
    // No file of the process may exceed 1 MiB: to a writer that is a disk without room, and needs no rights to arrange.
    const script = 'ulimit -f 1024; trap "" XFSZ; exec "$0" "$@"'
    const { stdout } = await run('bash', ['-c', script, process.execPath, program, home])
    assert.deepEqual(JSON.parse(stdout), {
      large: 'storage-full',
      files: 1,
      small: 'kept',
      after: 'kept',
      objects: 2,
    })
  } finally {
    await rm(home, { recursive: true })
  }
})
