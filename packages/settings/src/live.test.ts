import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { developmentSettings } from './development.ts'
import { applyPatch, liveKeys, overlaySettings, readOverlay, readPatch } from './live.ts'
import { loadSettings } from './load.ts'
import { settingsReference } from './reference.ts'
import { allowsTestTokens, gatewaySection } from './section.ts'
import { settingsTag, showSettings } from './show.ts'

function section() {
  const result = loadSettings(developmentSettings)
  assert.ok(result.ok)
  return gatewaySection(result.settings, { ca: '/home/ca.pem', client_secret: { file: '/home/secret' } })
}

const policy = { roles: { admin: ['modify_settings'] }, module_permissions: {}, grants: {} }

test('liveKeys are limits and the level of the log, and the reference says the same', () => {
  assert.ok(liveKeys.includes('limits.module_silence_ms') && liveKeys.includes('log.level'))
  assert.deepEqual(
    liveKeys.filter((key) => !key.startsWith('limits.') && key !== 'log.level'),
    [],
  )
  const marked = settingsReference().filter(({ isLive }) => isLive)
  assert.deepEqual(
    marked.map(({ key }) => key),
    liveKeys,
  )
})

test('readPatch() takes live keys and null, and gives back what it was given', () => {
  for (const patch of [{}, { limits: {} }, { limits: null }, { limits: { caller_rate: 5, caller_burst: null } }]) {
    assert.deepEqual(readPatch(patch), { ok: true, value: patch })
  }
})

test('readPatch() names every fault at once, with its place, what was expected and what was found', () => {
  const patch = { limits: { caller_rate: 0, 'a/b~c': 1 }, environment: 'production', log: { level: 'debug' } }
  const read = readPatch(patch)
  assert.ok(!read.ok)
  assert.deepEqual(
    read.faults.map(({ pointer, message }) => `${pointer}: ${message}`),
    [
      '/limits/caller_rate: expected at least 1, found 0',
      '/limits/a~1b~0c: expected a known key, found "limits.a/b~c"',
      '/environment: expected a key that is live, found "environment": change it in pop.yaml and start again',
      '/log/level: expected info or warn or error, found "debug"',
    ],
  )
})

test('readPatch() refuses names that objects of the language have', () => {
  const own = JSON.parse('{"__proto__":{"caller_rate":1},"constructor":{},"limits":{"__proto__":1,"toString":2}}')
  const read = readPatch(own)
  assert.ok(!read.ok)
  assert.equal(read.faults.length, 4)
})

test('readOverlay() refuses null, and what is no map of live blocks', () => {
  assert.ok(readOverlay({ limits: { caller_rate: 5 } }).ok)
  for (const kept of [null, [], 'x', { limits: null }, { limits: { caller_rate: null } }, { roles: {} }])
    assert.equal(readOverlay(kept).ok, false, JSON.stringify(kept))
})

test('applyPatch() sets, keeps, takes away, and leaves no empty block', () => {
  const first = applyPatch({}, { limits: { caller_burst: 9, caller_rate: 5 }, log: { level: 'warn' } })
  assert.equal(JSON.stringify(first), '{"limits":{"caller_rate":5,"caller_burst":9},"log":{"level":"warn"}}')
  assert.deepEqual(applyPatch(first, { limits: { caller_rate: null } }), {
    limits: { caller_burst: 9 },
    log: { level: 'warn' },
  })
  assert.deepEqual(applyPatch(first, { limits: null }), { log: { level: 'warn' } })
  assert.deepEqual(applyPatch(first, { limits: { caller_rate: null, caller_burst: null }, log: null }), {})
  assert.deepEqual(applyPatch(first, {}), first)
})

/** RFC 7396 section 2, as it stands there. */
function mergePatch(target: unknown, patch: unknown): unknown {
  if (typeof patch !== 'object' || patch === null || Array.isArray(patch)) return patch
  const result: Record<string, unknown> = typeof target === 'object' && target !== null ? { ...target } : {}
  for (const [name, value] of Object.entries(patch)) {
    if (value === null) delete result[name]
    else result[name] = mergePatch(result[name], value)
  }
  return result
}

test('applyPatch() does what RFC 7396 says, but for blocks that became empty', () => {
  const value = fc.option(fc.integer({ min: 1, max: 1000 }), { nil: null })
  const limits = fc.record({ caller_rate: value, caller_burst: value, address_rate: value }, { requiredKeys: [] })
  const log = fc.record({ level: fc.constantFrom('info', 'warn', null) }, { requiredKeys: [] })
  const patch = fc.record({ limits: fc.option(limits), log: fc.option(log) }, { requiredKeys: [] })
  fc.assert(
    fc.property(fc.array(patch, { maxLength: 6 }), (patches) => {
      let overlay = {}
      let expected: unknown = {}
      for (const next of patches) {
        const read = readPatch(next)
        assert.ok(read.ok)
        overlay = applyPatch(overlay, read.value)
        expected = mergePatch(expected, next)
        assert.ok(readOverlay(overlay).ok)
      }
      const blocks = Object.entries(Object(expected)).filter(([, members]) => Object.keys(Object(members)).length > 0)
      assert.deepEqual(overlay, Object.fromEntries(blocks))
    }),
  )
})

test('overlaySettings() changes what the overlay names and nothing else, and settingsTag() tells the two apart', () => {
  const base = section()
  const changed = overlaySettings(base, { limits: { caller_rate: 5 } })
  assert.deepEqual(changed, {
    ...base,
    limits: { ...base.limits, caller_rate: 5 },
    overlay: { limits: { caller_rate: 5 } },
  })
  assert.throws(() => overlaySettings(base, { limits: { caller_rate: 0 } }))
  assert.notEqual(settingsTag(base, policy), settingsTag(changed, policy))
  assert.equal(settingsTag(changed, policy), settingsTag(JSON.parse(JSON.stringify(changed)), policy))
  assert.notEqual(settingsTag(base, policy), settingsTag(base, { ...policy, roles: {} }))
})

test('showSettings() says which keys are live, and not where a secret lies', () => {
  const shown = showSettings(section(), policy)
  assert.deepEqual(shown['live'], liveKeys)
  assert.doesNotMatch(JSON.stringify(shown), /secret|ca\.pem/)
})

test('allowsTestTokens() follows the block in force, and never in production', () => {
  const base = section()
  assert.equal(allowsTestTokens(base), true)
  assert.equal(allowsTestTokens({ ...base, mode: { ...base.mode, allow_test_tokens: false } }), false)
  assert.equal(allowsTestTokens({ ...base, environment: 'production' }), false)
})
