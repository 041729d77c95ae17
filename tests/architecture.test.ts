import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { test } from 'node:test'
import { root, sources } from './tree.ts'

/** Which package may import which. ARCHITECTURE.md draws the same arrows. */
const arrows: Readonly<Record<string, readonly string[]>> = {
  'packages/protocol': [],
  'packages/policy': [],
  'packages/audit': [],
  'packages/keyring': [],
  'packages/settings': ['policy'],
  'packages/workload': ['protocol', 'keyring'],
  'packages/identity': ['protocol', 'keyring', 'workload'],
  'packages/module': ['protocol', 'audit'],
  'packages/gateway': ['protocol', 'policy', 'audit', 'keyring', 'settings', 'workload'],
  'packages/control': ['protocol', 'policy', 'audit', 'keyring', 'settings', 'workload'],
  'packages/cli': ['protocol', 'policy', 'settings', 'audit'],
  'packages/testkit': ['protocol', 'audit', 'settings', 'workload', 'identity', 'module', 'gateway', 'control'],
  'modules/kafka-service': ['module', 'workload'],
  'modules/s3-service': ['keyring', 'module', 'workload'],
}

const pure = ['packages/protocol', 'packages/policy']
const files = sources().filter(({ path }) => path.startsWith('packages/') || path.startsWith('modules/'))

function packageOf(path: string): string {
  return path.split('/').slice(0, 2).join('/')
}

function importsOf(text: string): string[] {
  return [...text.matchAll(/(?:from|import) '([^']+)'/g)].map(([, name]) => name ?? '')
}

test('every package is on the map, and the map names no other', () => {
  assert.deepEqual([...new Set(files.map(({ path }) => packageOf(path)))].sort(), Object.keys(arrows).sort())
})

test('a package imports only those that its arrows lead to', () => {
  const seen: string[] = []
  for (const { path, text } of files) {
    for (const name of importsOf(text).filter((imported) => imported.startsWith('@pop-api/'))) {
      const wanted = name.slice('@pop-api/'.length)
      const allowed = arrows[packageOf(path)] ?? []
      assert.ok(allowed.includes(wanted) || path.endsWith('.test.ts'), `${path} imports ${name}`)
      seen.push(name)
    }
  }
  assert.ok(seen.length > 30, `only ${seen.length} imports were seen`)
})

test('the manifest of a package depends on exactly what its arrows say', () => {
  for (const [folder, wanted] of Object.entries(arrows)) {
    const manifest: unknown = JSON.parse(readFileSync(`${root}${folder}/package.json`, 'utf8'))
    // Our own file; its shape is npm's.
    const { dependencies } = manifest as { dependencies?: Record<string, string> }
    const ours = Object.keys(dependencies ?? {}).filter((name) => name.startsWith('@pop-api/'))
    assert.deepEqual(ours.map((name) => name.slice('@pop-api/'.length)).sort(), [...wanted].sort(), folder)
  }
})

test('no file reaches into another package by a path', () => {
  for (const { path, text } of files) {
    const depth = path.split('/').length - 3
    for (const name of importsOf(text).filter((imported) => imported.startsWith('../'))) {
      assert.ok(
        (name.match(/\.\.\//g) ?? []).length <= depth + (path.includes('/bin/') ? 1 : 0),
        `${path} imports ${name}`,
      )
    }
  }
})

test('a pure package has no files, sockets, clock or randomness of its own', () => {
  const impure =
    /from 'node:(fs|fs\/promises|net|tls|http|https|child_process|sqlite)'|\bDate\.now\(|new Date\(\)|Math\.random\(|randomBytes\(|randomUUID\(/
  const inspected = files.filter(({ path }) => pure.includes(packageOf(path)) && !path.endsWith('.test.ts'))
  assert.ok(inspected.length > 50, `only ${inspected.length} files`)
  assert.deepEqual(
    inspected.filter(({ text }) => impure.test(text)).map(({ path }) => path),
    [],
  )
})
