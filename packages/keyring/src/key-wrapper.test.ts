import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import { chmod, mkdtemp, rm, stat, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { test } from 'node:test'
import fc from 'fast-check'
import { encodeContext } from './context.ts'
import { openFileWrapper } from './key-wrapper.ts'
import { KeyringError } from './keyring-error.ts'

async function openFolder() {
  const folder = await mkdtemp(join(tmpdir(), 'pop-keyring-'))
  await chmod(folder, 0o700)
  return { path: join(folder, 'kek.json'), [Symbol.asyncDispose]: () => rm(folder, { recursive: true }) }
}

const code = (wanted: string) => (error: unknown) => error instanceof KeyringError && error.code === wanted
const dataKey = randomBytes(32)
const context = encodeContext(['object', 'bucket', 'key'])

test('unwrap() gives back what wrap() took, also after a restart', async () => {
  await using folder = await openFolder()
  const wrapped = await (await openFileWrapper(folder.path)).wrap(dataKey, context)
  assert.equal((await stat(folder.path)).mode & 0o777, 0o600)
  const again = await openFileWrapper(folder.path)
  assert.deepEqual(await again.unwrap(wrapped, context), dataKey)
  assert.notDeepEqual((await again.wrap(dataKey, context)).bytes, wrapped.bytes)
})

test('openFileWrapper() writes nothing where there is a key, so that a full disk keeps nobody from it', async () => {
  await using folder = await openFolder()
  const entriesAt = async () => (await stat(dirname(folder.path), { bigint: true })).mtimeNs
  await openFileWrapper(folder.path)
  const before = await entriesAt()
  await openFileWrapper(folder.path)
  assert.equal(await entriesAt(), before)
})

test('unwrap() refuses another context, another key and any changed bit', async () => {
  await using folder = await openFolder()
  await using other = await openFolder()
  const wrapper = await openFileWrapper(folder.path)
  const wrapped = await wrapper.wrap(dataKey, context)
  await assert.rejects(wrapper.unwrap(wrapped, encodeContext(['object', 'bucket', 'yek'])), code('key-unwrap-failed'))
  const stranger = await openFileWrapper(other.path)
  await assert.rejects(stranger.unwrap(wrapped, context), code('key-unwrap-failed'))
  const { keyId } = await stranger.wrap(dataKey, context)
  await assert.rejects(stranger.unwrap({ ...wrapped, keyId }, context), code('key-unwrap-failed'))
  await assert.rejects(
    wrapper.unwrap({ ...wrapped, bytes: wrapped.bytes.slice(1) }, context),
    code('key-unwrap-failed'),
  )
  for (let bit = 0; bit < wrapped.bytes.length * 8; bit++) {
    const bytes = Buffer.from(wrapped.bytes)
    bytes[bit >> 3] = (bytes[bit >> 3] ?? 0) ^ (1 << (bit & 7))
    await assert.rejects(wrapper.unwrap({ keyId: wrapped.keyId, bytes }, context), code('key-unwrap-failed'))
  }
})

test('openFileWrapper() makes no key where one must be there, and takes the one that is', async () => {
  await using folder = await openFolder()
  await assert.rejects(openFileWrapper(folder.path, 'refuse'), code('secret-missing'))
  await assert.rejects(stat(folder.path), { code: 'ENOENT' })
  const wrapped = await (await openFileWrapper(folder.path)).wrap(dataKey, context)
  assert.deepEqual(await (await openFileWrapper(folder.path, 'refuse')).unwrap(wrapped, context), dataKey)
})

test('wrap() refuses a data key of another length', async () => {
  await using folder = await openFolder()
  const wrapper = await openFileWrapper(folder.path)
  await assert.rejects(wrapper.wrap(randomBytes(16), context), code('key-unusable'))
})

test('openFileWrapper() refuses a file that others can read or that holds no key', async () => {
  await using folder = await openFolder()
  await openFileWrapper(folder.path)
  await chmod(folder.path, 0o644)
  await assert.rejects(openFileWrapper(folder.path), code('secret-exposed'))
  await chmod(folder.path, 0o600)
  for (const text of ['', '{}', '{"id":"kek-0123456789abcdef","key":"AAAA"}', '{"id":"x","key":""}']) {
    await writeFile(folder.path, text)
    await assert.rejects(openFileWrapper(folder.path), code('key-unusable'), text)
  }
})

test('encodeContext() gives different lists different bytes', () => {
  assert.notDeepEqual(encodeContext(['ab', 'c']), encodeContext(['a', 'bc']))
  assert.throws(() => encodeContext(['x'.repeat(70_000)]), RangeError)
  const list = fc.array(fc.string({ maxLength: 8 }), { maxLength: 5 })
  fc.assert(
    fc.property(list, list, (one, other) => {
      const same = one.length === other.length && one.every((part, index) => part === other[index])
      // Halves of surrogate pairs have no UTF-8 of their own.
      if ([...one, ...other].every((part) => part.isWellFormed()))
        assert.equal(encodeContext(one).equals(encodeContext(other)), same)
    }),
  )
})
