import assert from 'node:assert/strict'
import { test } from 'node:test'
import { parseTemplate } from './template.ts'
import { compileRoutes } from './trie.ts'

const find = compileRoutes([
  { method: 'GET', template: '/topics', value: 'list' },
  { method: 'POST', template: '/topics', value: 'create' },
  { method: 'GET', template: '/topics/{topic}', value: 'read' },
  { method: 'GET', template: '/topics/{topic}/records', value: 'records' },
  { method: 'GET', template: '/topics/mine', value: 'mine' },
  { method: 'PUT', template: '/buckets/{bucket}/objects/{key+}', value: 'put' },
])

test('compileRoutes() finds fixed text, parameters and a rest', () => {
  assert.deepEqual(find('GET', ['topics']), { kind: 'found', value: 'list', parameters: {} })
  assert.deepEqual(find('GET', ['topics', 'a']), { kind: 'found', value: 'read', parameters: { topic: 'a' } })
  assert.deepEqual(find('PUT', ['buckets', 'b', 'objects', 'x', 'y']), {
    kind: 'found',
    value: 'put',
    parameters: { bucket: 'b', key: 'x/y' },
  })
})

test('compileRoutes() prefers fixed text and goes back when it leads nowhere', () => {
  assert.equal(find('GET', ['topics', 'mine']).kind === 'found' && find('GET', ['topics', 'mine']).kind, 'found')
  assert.deepEqual(find('GET', ['topics', 'mine', 'records']), {
    kind: 'found',
    value: 'records',
    parameters: { topic: 'mine' },
  })
})

test('compileRoutes() tells a method that is not offered from a path that is not there', () => {
  assert.deepEqual(find('DELETE', ['topics']), { kind: 'method', allow: ['GET', 'POST'] })
  assert.deepEqual(find('get', ['topics']), { kind: 'method', allow: ['GET', 'POST'] })
  assert.deepEqual(find('GET', ['Topics']), { kind: 'none' })
  assert.deepEqual(find('GET', []), { kind: 'none' })
  assert.deepEqual(find('PUT', ['buckets', 'b', 'objects']), { kind: 'none' })
})

test('compileRoutes() refuses routes with two readings', () => {
  const route = (method: string, template: string) => ({ method, template, value: template })
  assert.throws(() => compileRoutes([route('GET', '/a'), route('GET', '/a')]), /mounted twice/)
  assert.throws(() => compileRoutes([route('GET', '/{a}'), route('PUT', '/{b}')]), /another template names/)
})

test('parseTemplate() refuses templates with a second spelling', () => {
  for (const template of ['a', '/a/', '//', '/..', '/a b', '/{a}/{a}', '/{a+}/b', '/{a}b', '/%61']) {
    assert.equal(parseTemplate(template), undefined, template)
  }
  assert.equal(parseTemplate('/a/{b}/{c+}')?.length, 3)
})
