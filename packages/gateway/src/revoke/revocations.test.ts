import assert from 'node:assert/strict'
import { appendFile, mkdtemp, readFile, rm, stat, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { openRevocations } from './revocations.ts'

async function folder() {
  const home = await mkdtemp(join(tmpdir(), 'pop-revocations-'))
  return { home, file: join(home, 'revocations.jsonl'), [Symbol.asyncDispose]: () => rm(home, { recursive: true }) }
}

const now = 1_800_000_000
const nowMs = (): number => now * 1000

test('openRevocations() covers a token by jti and a session by sid, and nothing else', async () => {
  await using at = await folder()
  await using list = await openRevocations(at.home, nowMs)
  await list.add({ kind: 'jti', id: 'a', until: now + 10 })
  await list.add({ kind: 'sid', id: 's', until: now + 10 })
  assert.equal(list.cover({ jti: 'a' }), true)
  assert.equal(list.cover({ jti: 'b', sid: 's' }), true)
  assert.equal(list.cover({ jti: 'b', sid: 'a' }), false)
  assert.equal(list.cover({ jti: 's' }), false)
})

test('openRevocations() remembers over a restart what has not ended, and drops the rest', async () => {
  await using at = await folder()
  {
    await using list = await openRevocations(at.home, nowMs)
    await list.add({ kind: 'jti', id: 'short', until: now + 1 })
    await list.add({ kind: 'jti', id: 'long', until: now + 100 })
  }
  await using again = await openRevocations(at.home, () => nowMs() + 50_000)
  assert.equal(again.cover({ jti: 'long' }), true)
  assert.equal(again.cover({ jti: 'short' }), false)
  assert.equal((await readFile(at.file, 'utf8')).split('\n').length, 2)
  assert.equal((await stat(at.file)).mode & 0o777, 0o600)
})

test('openRevocations() ignores a line that was torn by a crash', async () => {
  await using at = await folder()
  {
    await using list = await openRevocations(at.home, nowMs)
    await list.add({ kind: 'jti', id: 'a', until: now + 100 })
  }
  await appendFile(at.file, '{"kind":"jti","id":"b"')
  await using again = await openRevocations(at.home, nowMs)
  assert.equal(again.cover({ jti: 'a' }), true)
  assert.equal(again.cover({ jti: 'b' }), false)
})

const foreign = [
  '{"kind":"user","id":"a","until":1}',
  '{"kind":"jti","id":"a","until":1e999}',
  'x',
  '{"kind":"jti","id":7,"until":1}',
]
for (const line of foreign) {
  test(`openRevocations() does not start on the line ${line}: to go on would let in what was revoked`, async () => {
    await using at = await folder()
    await writeFile(at.file, `${line}\n`)
    await assert.rejects(openRevocations(at.home, nowMs), /revocations\.jsonl:1 is no revocation/)
  })
}
