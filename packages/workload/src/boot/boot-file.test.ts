import assert from 'node:assert/strict'
import { access, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { WorkloadError } from '../workload-error.ts'
import { readBootFile } from './boot-file.ts'

const boot = {
  name: 'kafka_service',
  home: '/var/lib/pop/kafka_service',
  listen: { module: { host: '127.0.0.1', port: 0 } },
  admin: 'https://localhost:7445',
  control: 'https://localhost:7443',
  anchor: { root_spki_sha256: 'ab'.repeat(32) },
  token: 'one-time',
}

async function bootFile(content: string, mode = 0o600) {
  const folder = await mkdtemp(join(tmpdir(), 'pop-boot-'))
  const path = join(folder, 'boot.json')
  await writeFile(path, content, { mode })
  return { path, environment: { POP_BOOT: path }, [Symbol.asyncDispose]: () => rm(folder, { recursive: true }) }
}

test('readBootFile() gives the boot file, deletes it and removes the variable', async () => {
  await using file = await bootFile(JSON.stringify(boot))
  const environment: NodeJS.ProcessEnv = file.environment
  assert.deepEqual(await readBootFile(environment), boot)
  assert.equal(environment['POP_BOOT'], undefined)
  await assert.rejects(access(file.path))
})

const refusals: readonly (readonly [string, Record<string, unknown>])[] = [
  ['a name that leads out of its folder', { name: '../control' }],
  ['a home that is not absolute', { home: 'pop' }],
  ['a port that is none', { listen: { module: { host: '127.0.0.1', port: 65_536 } } }],
  ['an admin address without TLS', { admin: 'http://localhost:7445' }],
  ['a control address without TLS', { control: 'http://localhost:7443' }],
  ['an anchor that is no SHA-256', { anchor: { root_spki_sha256: 'ab' } }],
  ['no anchor', { anchor: undefined }],
]

for (const [name, change] of refusals) {
  test(`readBootFile() refuses ${name}`, async () => {
    await using file = await bootFile(JSON.stringify({ ...boot, ...change }))
    await assert.rejects(
      readBootFile(file.environment),
      (error) => error instanceof WorkloadError && error.code === 'boot-invalid',
    )
  })
}

test('readBootFile() refuses a file that others can read, duplicate members, and no variable', async () => {
  await using exposed = await bootFile(JSON.stringify(boot), 0o644)
  await assert.rejects(readBootFile(exposed.environment), { name: 'KeyringError' })
  await using twice = await bootFile(JSON.stringify(boot).replace('{', '{"name":"other",'))
  await assert.rejects(readBootFile(twice.environment), /not one JSON object/)
  await assert.rejects(readBootFile({}), /POP_BOOT/)
})
