import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { ModuleEntry, ModulesSection } from '@pop-api/protocol'
import { compileGatewayRoutes, compileModules, noModules } from './destination.ts'

function entry(name: string, digest: string, schema: object = { type: 'object' }): ModuleEntry {
  const manifest = {
    openapi: '3.1.0',
    info: { title: name, version: '1' },
    'x-pop-module': { name, base: `/v1/${name}`, permissions: [`${name}.use`] },
    paths: {
      '/things': {
        post: {
          operationId: 'make',
          'x-pop-requires': { role: 'create_resource', module: `${name}.use` },
          requestBody: { content: { 'application/json': { schema } } },
        },
      },
    },
  }
  return { name, manifest, manifest_digest: digest, instances: [] }
}

function section(...entries: readonly ModuleEntry[]): ModulesSection {
  return Object.fromEntries(entries.map((one) => [one.name, one]))
}

test('compileModules() leaves out a module whose manifest does not compile, and no other', () => {
  const failures: unknown[] = []
  const bad = [entry('alpha', 'a', { type: 'nonsense' }), { ...entry('beta', 'b'), manifest: { openapi: '3.1.0' } }]
  const modules = compileModules(section(...bad, entry('gamma', 'c')), noModules, (failure) => failures.push(failure))
  assert.deepEqual(
    modules.manifests.map(({ name }) => name),
    ['gamma'],
  )
  assert.equal(failures.length, 2)
  const routes = compileGatewayRoutes(modules, [])
  assert.equal(routes('POST', ['v1', 'gamma', 'things']).kind, 'found')
  assert.equal(routes('POST', ['v1', 'alpha', 'things']).kind, 'none')
})

test('compileModules() compiles a manifest once for each digest, and takes new instances each time', () => {
  const fail = (failure: unknown): never => assert.fail(String(failure))
  const first = compileModules(section(entry('alpha', 'a')), noModules, fail)
  const instances = [{ spiffe_id: 'spiffe://pop.internal/module/alpha/1', address: 'https://127.0.0.1:1', boot: 'b' }]
  const second = compileModules(section({ ...entry('alpha', 'a'), instances }), first, fail)
  assert.equal(second.byName.get('alpha'), first.byName.get('alpha'))
  const [route] = second.routes
  assert.deepEqual(route?.value.kind === 'module' ? route.value.instances : [], instances)
  const third = compileModules(section(entry('alpha', 'other')), second, fail)
  assert.notEqual(third.byName.get('alpha'), second.byName.get('alpha'))
})
