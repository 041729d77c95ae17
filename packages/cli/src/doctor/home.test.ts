import assert from 'node:assert/strict'
import { generateKeyPairSync } from 'node:crypto'
import { chmod, mkdir, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { test } from 'node:test'
import { developmentSettings } from '@pop-api/settings'
import { aroundPop } from '../commands/try-pop.ts'
import { lockHome } from '../up/home.ts'
import { writeRunFile } from '../up/run-file.ts'
import { checkAudit, checkHome, checkLock } from './home.ts'
import { checkKeys } from './keys.ts'
import { checkSettings } from './settings.ts'
import { standInRun } from './stand-in-patient.ts'

/** A home with a gateway that was there: its keys, its logs and the CA. */
async function usedHome() {
  const around = await aroundPop()
  const home = join(around.folder, 'home')
  for (const folder of ['', 'gateway', 'gateway/keys', 'gateway/audit', 'gateway/refusals'])
    await mkdir(join(home, folder), { mode: 0o700 })
  const { privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' })
  const pem = privateKey.export({ type: 'pkcs8', format: 'pem' })
  for (const name of ['mesh', 'message', 'public', 'txn'])
    await writeFile(join(home, 'gateway', 'keys', `${name}.pem`), pem, { mode: 0o600 })
  await writeFile(join(home, 'ca.pem'), 'a certificate', { mode: 0o644 })
  return { around, home, [Symbol.asyncDispose]: () => around[Symbol.asyncDispose]() }
}

test('checkHome() passes a home of its owner alone, with the CA for everybody', async () => {
  await using used = await usedHome()
  assert.deepEqual(
    (await checkHome(used)).map(({ state }) => state),
    ['ok'],
  )
  assert.deepEqual(
    (await checkHome({ home: join(used.home, 'none') })).map(({ state }) => state),
    ['skip'],
  )
  assert.deepEqual(
    (await checkHome({ home: join(used.home, 'ca.pem') })).map(({ state }) => state),
    ['fail'],
  )
})

const exposures: readonly (readonly [string, string, number, string, RegExp])[] = [
  ['a home that others can enter', '', 0o755, 'fail', /others can enter, or own: .*home$/],
  ['a folder that others can enter', 'gateway', 0o711, 'fail', /others can enter, or own: gateway$/],
  ['a key that others can read', 'gateway/keys/txn.pem', 0o640, 'fail', /secrets: gateway\/keys\/txn\.pem$/],
  [
    'data that only its folder hides',
    'gateway/book.db',
    0o644,
    'warn',
    /only folders keep others from: gateway\/book\.db$/,
  ],
]
for (const [name, path, mode, state, message] of exposures) {
  test(`checkHome() finds ${name}`, async () => {
    await using used = await usedHome()
    await writeFile(join(used.home, 'gateway', 'book.db'), '', { mode: 0o600 })
    await chmod(join(used.home, path), mode)
    const findings = await checkHome(used)
    assert.deepEqual(
      findings.map((finding) => finding.state),
      [state],
    )
    assert.match(findings[0]?.message ?? '', message)
    assert.match(findings[0]?.remedy ?? '', /chmod -R go= /)
  })
}

test('checkLock() tells a run, a start, a run that was killed, and nothing apart', async () => {
  await using around = await aroundPop()
  const home = join(around.folder, 'home')
  assert.equal((await checkLock({ home, isLocked: false })).state, 'skip')
  using locked = await lockHome(home)
  assert.equal((await checkLock({ home: locked.path, isLocked: true })).state, 'warn')
  assert.equal((await checkLock({ home, isLocked: false })).state, 'ok')
  await writeRunFile(home, standInRun({}))
  assert.equal((await checkLock({ home, isLocked: true })).state, 'ok')
  assert.match((await checkLock({ home, isLocked: false })).message, /left over from a run that was killed/)
  const family = { supervisor: 1, children: [process.pid] }
  await writeFile(join(home, 'family.json'), JSON.stringify(family), { mode: 0o600 })
  assert.match((await checkLock({ home, isLocked: false })).message, new RegExp(`may still be there: ${process.pid}`))
})

test('checkAudit() fails for what is no folder to write to', async () => {
  await using used = await usedHome()
  assert.deepEqual(
    (await checkAudit(used)).map(({ state }) => state),
    ['ok'],
  )
  await rm(join(used.home, 'gateway', 'audit'), { recursive: true })
  await writeFile(join(used.home, 'gateway', 'audit'), '')
  const [finding] = await checkAudit(used)
  assert.deepEqual([finding?.state, /audit is not a folder/.test(finding?.message ?? '')], ['fail', true])
  assert.deepEqual(
    (await checkAudit({ home: join(used.home, 'none') })).map(({ state }) => state),
    ['skip'],
  )
})

test('checkKeys() fails for a key that is missing, that others can read, or that is none', async () => {
  await using used = await usedHome()
  assert.deepEqual(
    (await checkKeys(used)).map(({ state }) => state),
    ['ok'],
  )
  await rm(join(used.home, 'gateway', 'keys', 'mesh.pem'))
  await chmod(join(used.home, 'gateway', 'keys', 'txn.pem'), 0o644)
  await writeFile(join(used.home, 'gateway', 'keys', 'message.pem'), 'no key')
  const findings = await checkKeys(used)
  assert.deepEqual(
    findings.map(({ state }) => state),
    ['fail', 'fail', 'fail'],
  )
  const said = findings.map(({ message }) => message).join('\n')
  assert.match(said, /mesh\.pem is missing\n.*message\.pem is no private key in PEM\n.*txn\.pem can be used by others/)
  assert.ok(!said.includes('no key\n'))
  assert.deepEqual(
    (await checkKeys({ home: join(used.home, 'none') })).map(({ state }) => state),
    ['skip'],
  )
})

test('checkSettings() names each fault with its line, and keys without effect', async () => {
  await using around = await aroundPop()
  const home = join(around.folder, 'home')
  const file = join(around.folder, 'pop.yaml')
  await writeFile(file, developmentSettings)
  const [good] = await checkSettings(home, file)
  assert.equal(good?.state, 'ok')
  assert.match(good?.message ?? '', /environment development; accepted and without effect yet: .*data_security/)
  await writeFile(file, `${developmentSettings}colour: red\n`)
  const [bad] = await checkSettings(home, file)
  assert.equal(bad?.state, 'fail')
  assert.match(bad?.message ?? '', /pop\.yaml:\d+: colour: unknown key/)
})
