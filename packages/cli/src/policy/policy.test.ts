import assert from 'node:assert/strict'
import { mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { test } from 'node:test'
import { developmentSettings } from '@pop-api/settings'
import { notesManifest, standInBulletin } from '../client/stand-in-bulletin.ts'
import { aroundPop, type Around } from '../commands/try-pop.ts'

const rows = (text: string): readonly (readonly string[])[] =>
  text
    .trimEnd()
    .split('\n')
    .map((line) => line.split(/ {2,}/))

async function homeWithModule(): Promise<Around> {
  const around = await aroundPop()
  await standInBulletin(join(around.folder, 'home'))
  return around
}

test('pop policy matrix shows every operation for every role alone, by what the gateway goes by', async () => {
  await using around = await homeWithModule()
  const { code, stdout, stderr } = await around.pop(['policy', 'matrix'])
  assert.equal(code, 0)
  assert.deepEqual(rows(stdout), [
    ['OPERATION', 'MODULE', 'admin', 'user', 'reader'],
    ['GET /v1/notes', 'notes', '-', 'own', '-'],
    ['DELETE /v1/notes/{name}', 'notes', 'yes', '-', '-'],
    ['GET /v1/pop/metrics', 'gateway', '-', '-', '-'],
    ['GET /v1/pop/settings', 'gateway', '-', '-', '-'],
    ['PATCH /v1/pop/settings', 'gateway', '-', '-', '-'],
    ['POST /v1/pop/test-tokens', 'gateway', '-', '-', '-'],
    ['GET /v1/pop/incidents', 'gateway', '-', '-', '-'],
    ['POST /v1/pop/incidents/revocations', 'gateway', '-', '-', '-'],
    ['DELETE /v1/pop/incidents/revocations/{id}', 'gateway', '-', '-', '-'],
    ['GET /v1/pop/users', 'gateway', '-', '-', '-'],
    ['POST /v1/pop/users', 'gateway', '-', '-', '-'],
    ['GET /v1/pop/users/{user}', 'gateway', '-', '-', '-'],
    ['GET /v1/pop/users/{user}/sessions', 'gateway', '-', '-', '-'],
    ['PUT /v1/pop/users/{user}/roles', 'gateway', '-', '-', '-'],
    ['POST /v1/pop/users/{user}/disable', 'gateway', '-', '-', '-'],
    ['POST /v1/pop/users/{user}/enable', 'gateway', '-', '-', '-'],
    ['POST /v1/pop/users/{user}/unlock', 'gateway', '-', '-', '-'],
    ['POST /v1/pop/users/{user}/reset-password', 'gateway', '-', '-', '-'],
    ['POST /v1/pop/users/{user}/reset-2fa', 'gateway', '-', '-', '-'],
    ['POST /v1/pop/users/{user}/logout', 'gateway', '-', '-', '-'],
  ])
  assert.match(stderr, /From .+snapshot, the modules of the home\./)
  const {
    rows: [first],
  } = JSON.parse((await around.pop(['policy', 'matrix', '--json'])).stdout)
  assert.match(first.roles.reader.reason, /carries notes\.read; roles with a grant: user/)
  const csv = (await around.pop(['policy', 'matrix', '--csv'])).stdout.split('\r\n')
  assert.deepEqual(csv.slice(0, 2), ['OPERATION,MODULE,admin,user,reader', 'GET /v1/notes,notes,-,own,-'])
  assert.equal((await around.pop(['policy', 'matrix', '--csv', '--json'])).code, 2)
})

test('pop policy matrix knows operators by the settings', async () => {
  await using around = await aroundPop()
  const config = join(around.folder, 'pop.yaml')
  const manifest = join(around.folder, 'notes.json')
  await writeFile(config, `${developmentSettings}operators:\n  admin: [operator]\n  reader: [auditor]\n`)
  await writeFile(manifest, JSON.stringify(notesManifest))
  const { stdout } = await around.pop(['policy', 'matrix', '--config', config, '--manifest', manifest])
  const found = rows(stdout).filter(([name]) => name?.includes('/v1/pop/incidents') === true)
  assert.deepEqual(found, [
    ['GET /v1/pop/incidents', 'gateway', 'yes', '-', 'yes'],
    ['POST /v1/pop/incidents/revocations', 'gateway', 'yes', '-', '-'],
    ['DELETE /v1/pop/incidents/revocations/{id}', 'gateway', 'yes', '-', '-'],
  ])
})

test('pop policy matrix takes settings and manifests that are given, and permissions alone without any', async () => {
  await using around = await aroundPop()
  const config = join(around.folder, 'pop.yaml')
  const manifest = join(around.folder, 'notes.json')
  await writeFile(config, `${developmentSettings}grants:\n  reader: [notes.read]\n`)
  await writeFile(manifest, JSON.stringify(notesManifest))
  const given = await around.pop(['policy', 'matrix', '--config', config, '--manifest', manifest])
  assert.deepEqual(rows(given.stdout)[1], ['GET /v1/notes', 'notes', '-', '-', 'public'])
  const alone = rows((await around.pop(['policy', 'matrix', '--config', config])).stdout)
  assert.deepEqual(alone[1], ['create_resource', '-', 'yes', 'yes', '-'])
  assert.ok(alone.some(([name, module]) => name === 'kafka.create' && module === 'kafka_service'))
})

test('pop policy matrix refuses a manifest that would not load, and a file that is not there', async () => {
  await using around = await aroundPop()
  const manifest = join(around.folder, 'bad.yaml')
  await writeFile(manifest, 'openapi: 3.1.0\npaths: {}\n')
  const bad = await around.pop(['policy', 'matrix', '--manifest', manifest])
  assert.equal(bad.code, 2)
  assert.match(bad.stderr, /bad\.yaml: The manifest has \d+ fault/)
  const absent = await around.pop(['policy', 'matrix', '--manifest', join(around.folder, 'none')])
  assert.equal(absent.code, 2)
  assert.match(absent.stderr, /is not there: give an existing one/)
})

const good = `
- { roles: [user], operation: GET /v1/notes, expect: allow, scope: [own] }
- { roles: [user, reader], operation: GET /v1/notes, expect: allow, scope: [public, own] }
- { roles: [reader], permissions: [notes.read], operation: GET /v1/notes, expect: allow, scope: [public] }
- { roles: [], operation: "DELETE /v1/notes/{name}", expect: deny }
`

async function tryCases(text: string, words: readonly string[] = []) {
  await using around = await homeWithModule()
  const file = join(around.folder, 'cases.yaml')
  await writeFile(file, text)
  return await around.pop(['policy', 'test', file, ...words])
}

test('pop policy test exits with 0 where the policy decides every case as expected', async () => {
  const { code, stdout } = await tryCases(good)
  assert.deepEqual([code, stdout], [0, '4 cases: all as expected\n'])
  const report = JSON.parse((await tryCases(good, ['--json'])).stdout)
  assert.equal(report.ok, true)
  assert.deepEqual(report.cases[0].found.scope, ['own'])
})

test('pop policy test shows each case that fails with its line and the reason, and exits with 1', async () => {
  const { code, stdout, stderr } = await tryCases(
    `${good}- { roles: [user], operation: "DELETE /v1/notes/{name}", expect: allow }\n` +
      '- { roles: [user], operation: GET /v1/notes, expect: allow, scope: [any] }\n' +
      '- { roles: [user], operation: GET /v1/notes, expect: deny }\n',
  )
  assert.equal(code, 1)
  const lines = stdout.trimEnd().split('\n')
  assert.equal(lines.length, 3)
  assert.match(
    lines[0] ?? '',
    /cases\.yaml:6: user: DELETE .+: expected allow, found deny: no role of the caller \(user\)/,
  )
  assert.match(lines[1] ?? '', /:7: .+ expected allow \(any\), found allow \(own\)/)
  assert.match(lines[2] ?? '', /:8: .+ expected deny, found allow \(own\)/)
  assert.equal(stderr, 'pop: 3 of 7 cases failed\n')
})

const faulty: readonly (readonly [string, string, RegExp])[] = [
  ['no list', 'roles: [user]', /expected a list of cases/],
  ['an empty list, which would pass for ever', '[]', /expected a list of cases/],
  [
    'an operation that there is not',
    '- { roles: [], operation: GET /v1/note, expect: deny }',
    /no loaded manifest has .+GET \/v1\/notes/,
  ],
  ['a misspelt key', '- { roles: [], operation: GET /v1/notes, expect: allow, scopes: [own] }', /scopes: unknown key/],
  ['no roles', '- { operation: GET /v1/notes, expect: deny }', /case 1, roles: is missing/],
  [
    'a misspelt role, whose denial would pass for ever',
    '- { roles: [user, readr], operation: GET /v1/notes, expect: deny }',
    /case 1, roles: the policy has no role readr; there are: .*reader/,
  ],
  ['another outcome', '- { roles: [], operation: GET /v1/notes, expect: maybe }', /expected allow or deny/],
  ['a scope of a denial', '- { roles: [], operation: GET /v1/notes, expect: deny, scope: [own] }', /has no scope/],
  [
    'an unknown ownership',
    '- { roles: [], operation: GET /v1/notes, expect: allow, scope: [all] }',
    /list of any, own, public/,
  ],
  [
    'a key that stands twice',
    '- { roles: [], roles: [admin], operation: GET /v1/notes, expect: deny }',
    /stands twice/,
  ],
]
for (const [name, text, fault] of faulty) {
  test(`pop policy test refuses a file with ${name}`, async () => {
    const { code, stderr } = await tryCases(text)
    assert.equal(code, 2)
    assert.match(stderr, fault)
  })
}

test('pop policy test refuses to pass where no operation is known', async () => {
  await using around = await aroundPop()
  await mkdir(join(around.folder, 'home'), { mode: 0o700 })
  const file = join(around.folder, 'cases.yaml')
  await writeFile(file, good)
  const { code, stderr } = await around.pop(['policy', 'test', file])
  assert.equal(code, 2)
  assert.match(stderr, /there are no operations to test .+ --manifest FILE/)
})
