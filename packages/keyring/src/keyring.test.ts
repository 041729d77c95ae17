import assert from 'node:assert/strict'
import { createPublicKey, generateKeyPairSync } from 'node:crypto'
import { chmod, mkdir, mkdtemp, readdir, readFile, rm, stat, symlink, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test, type TestContext } from 'node:test'
import { keyFile } from './key-file.ts'
import { keyIdOf, spkiSha256Of } from './key-id.ts'
import { KeyringError, type KeyringErrorCode } from './keyring-error.ts'
import { createSecretFile, readSecretFile, writeSecretFile } from './secret-file.ts'
import { ensureSecretFolder } from './secret-folder.ts'

async function folder(context: TestContext): Promise<string> {
  const path = await mkdtemp(join(tmpdir(), 'keyring-'))
  context.after(() => rm(path, { recursive: true }))
  return path
}

function withCode(code: KeyringErrorCode): (error: unknown) => boolean {
  return (error) => error instanceof KeyringError && error.code === code
}

async function modeOf(path: string): Promise<string> {
  return ((await stat(path)).mode & 0o777).toString(8)
}

for (const [kind, type] of [
  ['ec-p256', 'ec'],
  ['rsa-2048', 'rsa'],
] as const) {
  test(`keyFile() makes a key of kind ${kind} once, 0600 in 0700`, async (context) => {
    const home = await folder(context)
    const path = join(home, 'keys', 'tls.pem')
    const made = await keyFile(path, kind)
    assert.equal(made.asymmetricKeyType, type)
    assert.equal(await modeOf(path), '600')
    assert.equal(await modeOf(join(home, 'keys')), '700')
    assert.match(await readFile(path, 'utf8'), /^-----BEGIN PRIVATE KEY-----/)
    assert(made.equals(await keyFile(path, kind)))
    assert.deepEqual(await readdir(join(home, 'keys')), ['tls.pem'])
  })
}

test('keyFile() gives everybody who makes it at once the same key', async (context) => {
  const path = join(await folder(context), 'tls.pem')
  const [first, ...others] = await Promise.all(Array.from({ length: 8 }, () => keyFile(path, 'ec-p256')))
  for (const other of others) assert(first?.equals(other))
})

test('keyFile() refuses a key that group or others can read, and leaves it there', async (context) => {
  const path = join(await folder(context), 'tls.pem')
  const made = await keyFile(path, 'ec-p256')
  for (const mode of [0o640, 0o604, 0o620, 0o601]) {
    await chmod(path, mode)
    await assert.rejects(keyFile(path, 'ec-p256'), withCode('secret-exposed'))
  }
  await chmod(path, 0o600)
  assert(made.equals(await keyFile(path, 'ec-p256')))
})

test('keyFile() refuses what is not one key of its kind', async (context) => {
  const path = join(await folder(context), 'tls.pem')
  const p384 = generateKeyPairSync('ec', { namedCurve: 'P-384' }).privateKey.export({ type: 'pkcs8', format: 'pem' })
  const rsa = generateKeyPairSync('rsa', { modulusLength: 2048 }).privateKey.export({ type: 'pkcs8', format: 'pem' })
  for (const content of ['', 'no key', p384, rsa]) {
    await writeSecretFile(path, content)
    await assert.rejects(keyFile(path, 'ec-p256'), withCode('key-unusable'))
  }
})

test('writeSecretFile() replaces a file whole and leaves nothing beside it', async (context) => {
  const path = join(await folder(context), 'a', 'secret')
  await writeSecretFile(path, 'one')
  await chmod(path, 0o644)
  await writeSecretFile(path, 'two')
  assert.equal((await readSecretFile(path))?.toString(), 'two')
  assert.equal(await modeOf(path), '600')
  assert.deepEqual(await readdir(join(path, '..')), ['secret'])
})

test('createSecretFile() never replaces', async (context) => {
  const path = join(await folder(context), 'secret')
  assert.equal(await createSecretFile(path, 'one'), true)
  assert.equal(await createSecretFile(path, 'two'), false)
  assert.equal((await readSecretFile(path))?.toString(), 'one')
})

test('writeSecretFile() leaves no temporary file behind when it fails', async (context) => {
  const home = await folder(context)
  await mkdir(join(home, 'taken', 'inner'), { recursive: true, mode: 0o700 })
  await assert.rejects(writeSecretFile(join(home, 'taken'), 'secret'))
  assert.deepEqual(await readdir(home), ['taken'])
})

test('readSecretFile() says undefined for none, and refuses links, folders and what is too large', async (context) => {
  const home = await folder(context)
  await writeFile(join(home, 'target'), 'x', { mode: 0o600 })
  await symlink(join(home, 'target'), join(home, 'link'))
  await mkdir(join(home, 'folder'), { mode: 0o700 })
  assert.equal(await readSecretFile(join(home, 'none')), undefined)
  await assert.rejects(readSecretFile(join(home, 'link')), withCode('secret-exposed'))
  await assert.rejects(readSecretFile(join(home, 'folder')), withCode('secret-unreadable'))
  await assert.rejects(readSecretFile(join(home, 'target'), 0), withCode('secret-unreadable'))
})

test('ensureSecretFolder() refuses a folder that others can enter, and a link to one', async (context) => {
  const home = await folder(context)
  const open = join(home, 'open')
  await mkdir(open, { mode: 0o700 })
  await ensureSecretFolder(open)
  await symlink(open, join(home, 'link'))
  await assert.rejects(ensureSecretFolder(join(home, 'link')), withCode('secret-exposed'))
  await chmod(open, 0o750)
  await assert.rejects(writeSecretFile(join(open, 'secret'), 'x'), withCode('secret-exposed'))
})

test('keyIdOf() is the RFC 7638 thumbprint, the same for both halves', () => {
  const { privateKey, publicKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' })
  assert.equal(keyIdOf(privateKey), keyIdOf(publicKey))
  assert.match(keyIdOf(publicKey), /^[A-Za-z0-9_-]{43}$/)
  assert.throws(() => keyIdOf(generateKeyPairSync('ed25519').publicKey), RangeError)
})

test('spkiSha256Of() is what openssl and sha256sum give for the DER of the public key', () => {
  const key = createPublicKey({
    format: 'jwk',
    key: {
      kty: 'EC',
      crv: 'P-256',
      x: 'fbmWlDusB7dtL9QHTW-VgfhTeG3i9eBdNmkCfqvHWgA',
      y: '94eeLn51I_cMRLAB8GtwJXOOUDhTH5H0t2z20TOoedU',
    },
  })
  assert.equal(spkiSha256Of(key), 'dce02e0dc879736c8f6405cb154d6c1cead60276cb04db7797fa428d5e6b1d72')
})
