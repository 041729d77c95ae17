import { defineModule, PopError, type ManifestDocument, type ModuleDefinition } from '@pop-api/module'

const name = { type: 'string', pattern: '^[a-z0-9-]{1,40}$' }
const text = { type: 'string', maxLength: 10_000 }
const visibility = { enum: ['private', 'public'] }
const note = { kind: 'note', id: 'path.note' }

function form(properties: object, required: readonly string[]) {
  const schema = { type: 'object', properties, required, additionalProperties: false }
  return { required: true, content: { 'application/json': { schema } } }
}

/** What the gateway builds routes, checks and permissions from. */
export const manifest: ManifestDocument = {
  openapi: '3.1.0',
  info: { title: 'notes', version: '1' },
  'x-pop-module': { name: 'notes', base: '/v1/notes', permissions: ['notes.read', 'notes.write'] },
  paths: {
    '/': {
      post: {
        operationId: 'writeNote',
        summary: 'Write a note',
        'x-pop-requires': { role: 'create_resource', module: 'notes.write' },
        'x-pop-resource': { kind: 'note', id: 'body.name', effect: 'create' },
        requestBody: form({ name, text, visibility }, ['name', 'text']),
      },
    },
    '/{note}': {
      parameters: [{ name: 'note', in: 'path', required: true, schema: name }],
      get: {
        operationId: 'readNote',
        summary: 'Read a note',
        'x-pop-requires': {
          role: { own: 'view_own_resources', public: 'view_public_resources' },
          module: 'notes.read',
        },
        'x-pop-resource': { ...note, effect: 'read' },
      },
      delete: {
        operationId: 'deleteNote',
        summary: 'Delete a note of yours',
        'x-pop-requires': { role: { own: 'create_resource', any: 'delete_resource' }, module: 'notes.write' },
        'x-pop-resource': { ...note, effect: 'delete' },
      },
    },
  },
}

/** Notes in memory. A handler is only ever called for a resource that its caller may use: no check of that stands here. */
export function defineNotes(): ModuleDefinition {
  const notes = new Map<string, string>()
  return defineModule({
    manifest,
    handlers: {
      writeNote: ({ resource, body }) => {
        // The schema above let nothing else through.
        notes.set(resource?.id ?? '', (body as { text: string }).text)
        return { status: 201, body: resource }
      },
      readNote: ({ resource }) => {
        const found = notes.get(resource?.id ?? '')
        if (found === undefined) throw new PopError('resource-not-found', 'This note was lost with the last start.')
        return { status: 200, body: { text: found } }
      },
      deleteNote: ({ resource }) => {
        notes.delete(resource?.id ?? '')
        return { status: 204 }
      },
    },
    exists: (_kind, id) => notes.has(id),
  })
}
