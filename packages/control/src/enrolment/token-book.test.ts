import assert from 'node:assert/strict'
import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { PopError } from '@pop-api/protocol'
import { openTokenBook, tokenLifeMs } from './token-book.ts'

const module = { name: 'kafka_service', kind: 'module' } as const
const refused = (error: unknown): boolean => error instanceof PopError && error.code === 'enrolment-refused'

test('redeem() gives the entitlement, and again for the same keys within its life', () => {
  using book = openTokenBook(':memory:')
  const secret = book.issue(module, 0)
  assert.deepEqual(book.redeem(secret, 'keys', 1), module)
  assert.deepEqual(book.redeem(secret, 'keys', tokenLifeMs - 1), module)
})

test('redeem() refuses other keys, its end, and a secret that nobody was given', () => {
  using book = openTokenBook(':memory:')
  const secret = book.issue(module, 0)
  book.redeem(secret, 'keys', 1)
  assert.throws(() => book.redeem(secret, 'other keys', 2), refused)
  assert.throws(() => book.redeem(secret, 'keys', tokenLifeMs), refused)
  assert.throws(() => book.redeem('A'.repeat(43), 'keys', 1), refused)
})

test('openTokenBook() keeps tokens over a restart, as hashes only', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'pop-tokens-'))
  const path = join(folder, 'state.db')
  let secret = ''
  {
    using book = openTokenBook(path)
    secret = book.issue(module, 0)
  }
  assert.ok(!(await readFile(path)).includes(secret))
  {
    using book = openTokenBook(path)
    assert.deepEqual(book.redeem(secret, 'keys', 1), module)
  }
  await rm(folder, { recursive: true })
})
