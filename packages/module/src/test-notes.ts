import type { ManifestDocument } from '@pop-api/protocol'
import { defineModule, type Handler, type HandlerRequest, type ModuleSource } from './definition.ts'

// A small module of the tests: notes with an owner, kept in memory.

const idSchema = { type: 'string', minLength: 1, maxLength: 64 }
const noteParameter = { name: 'note', in: 'path', required: true, schema: idSchema }
const part = (effect: string) => ({ kind: 'note', id: 'path.note', effect })
const role = { any: 'view_any_resources', own: 'view_own_resources', public: 'view_public_resources' }
const read = { role, module: 'notes.read' }
const visibility = { enum: ['private', 'public'] }
const body = (properties: object, required: readonly string[]) => ({
  required: true,
  content: { 'application/json': { schema: { type: 'object', required, properties, additionalProperties: false } } },
})

export const notesManifest: ManifestDocument = {
  openapi: '3.1.0',
  info: { title: 'notes', version: '1' },
  'x-pop-module': { name: 'notes', base: '/v1/notes', permissions: ['notes.read', 'notes.write', 'notes.delete'] },
  paths: {
    '/items': {
      post: {
        operationId: 'create',
        'x-pop-requires': { role: 'create_resource', module: 'notes.write' },
        'x-pop-resource': { kind: 'note', id: 'body.note', effect: 'create' },
        requestBody: body({ note: idSchema, visibility }, ['note']),
      },
      get: {
        operationId: 'list',
        'x-pop-requires': read,
        'x-pop-resource': { kind: 'note', effect: 'list', items: '/data', key: '/note' },
        parameters: [
          { name: 'limit', in: 'query', schema: { type: 'integer', minimum: 1, maximum: 100 } },
          { name: 'page_token', in: 'query', schema: { type: 'string' } },
        ],
      },
    },
    '/items/{note}': {
      parameters: [noteParameter],
      get: { operationId: 'get', 'x-pop-requires': read, 'x-pop-resource': part('read') },
      patch: {
        operationId: 'change',
        'x-pop-requires': { role: { any: 'modify_settings', own: 'create_resource' }, module: 'notes.write' },
        'x-pop-resource': part('change'),
        requestBody: body({ visibility }, []),
      },
      delete: {
        operationId: 'remove',
        'x-pop-requires': { role: { any: 'delete_resource', own: 'create_resource' }, module: 'notes.delete' },
        'x-pop-resource': part('delete'),
      },
    },
  },
}

/** The definition with handlers that note down what reached them; single handlers can be exchanged. */
export function notes(change: Readonly<Record<string, Handler>> = {}, exists?: ModuleSource['exists']) {
  const reached: HandlerRequest[] = []
  const noted =
    (handler: Handler): Handler =>
    (request) => {
      reached.push(request)
      return handler(request)
    }
  const handlers: Readonly<Record<string, Handler>> = {
    create: ({ resource }) => ({ status: 201, body: resource }),
    list: ({ page }) => ({ status: 200, body: { data: page?.resources.map(({ id }) => ({ note: id })) } }),
    get: ({ resource }) => ({ status: 200, body: resource }),
    change: ({ body, book }) => {
      // Validated by the schema above.
      const { visibility } = body as { visibility?: 'private' | 'public' }
      if (visibility !== undefined) book?.setVisibility(visibility)
      return { status: 200, body: {} }
    },
    remove: () => ({ status: 204 }),
    ...change,
  }
  const entries = Object.entries(handlers).map(([name, handler]) => [name, noted(handler)] as const)
  const source = { manifest: notesManifest, handlers: Object.fromEntries(entries) }
  return { reached, definition: defineModule(exists === undefined ? source : { ...source, exists }) }
}
