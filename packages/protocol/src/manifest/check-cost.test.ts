import assert from 'node:assert/strict'
import { test } from 'node:test'
import { PopError } from '../problem/pop-error.ts'
import { parseManifest } from './parse.ts'

function manifest(schema: object, schemas: object = {}) {
  return {
    openapi: '3.1.0',
    info: { title: 'x', version: '1' },
    'x-pop-module': { name: 'xx', base: '/v1/xx', permissions: ['xx.use'] },
    paths: {
      '/things': {
        post: {
          operationId: 'make',
          'x-pop-requires': { role: 'create_resource', module: 'xx.use' },
          requestBody: { content: { 'application/json': { schema } } },
        },
      },
    },
    components: { schemas },
  }
}

const ref = (name: string) => ({ $ref: `#/components/schemas/${name}` })

/** Each link of the chain refers twice to the next. */
function chain(links: number) {
  const schemas: Record<string, object> = { [`s${links}`]: { type: 'string' } }
  for (let link = 0; link < links; link++) schemas[`s${link}`] = { allOf: [ref(`s${link + 1}`), ref(`s${link + 1}`)] }
  return manifest(ref('s0'), schemas)
}

test('parseManifest() takes schemas that refer to each other, as often as they like', () => {
  const point = { type: 'object', properties: { x: ref('n'), y: ref('n') } }
  parseManifest(manifest({ type: 'array', items: ref('point') }, { n: { type: 'number' }, point }))
  parseManifest(chain(6))
  parseManifest(manifest({ type: 'array', uniqueItems: true, maxItems: 10, items: { type: 'string' } }))
})

const refused: readonly (readonly [string, object, RegExp])[] = [
  ['a chain that doubles forty times', chain(40), /parts with its references/],
  ['a schema that refers to itself', manifest(ref('a'), { a: { properties: { next: ref('a') } } }), /refers to itself/],
  ['a circle', manifest(ref('a'), { a: { anyOf: [ref('b')] }, b: { anyOf: [ref('a')] } }), /refers to itself/],
  ['uniqueItems without a bound', manifest({ type: 'array', uniqueItems: true }), /maxItems/],
  ['uniqueItems with a high bound', manifest({ type: 'array', uniqueItems: true, maxItems: 1e6 }), /maxItems/],
  ['$dynamicRef', manifest({ $dynamicRef: '#a' }), /\$dynamicRef/],
]
for (const [name, document, fault] of refused) {
  test(`parseManifest() refuses ${name}`, () => {
    assert.throws(
      () => parseManifest(document),
      (error) => error instanceof PopError && error.code === 'manifest-invalid' && fault.test(error.message),
    )
  })
}
