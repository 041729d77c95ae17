import { mkdir } from 'node:fs/promises'
import { join } from 'node:path'
import { writeOwnFile } from '../up/own-file.ts'

const list = {
  'x-pop-requires': {
    role: { own: 'view_own_resources', public: 'view_public_resources' },
    module: 'notes.read',
  },
  'x-pop-resource': { kind: 'note', effect: 'list', items: '/notes', key: '/name' },
}
const remove = {
  'x-pop-requires': { role: 'delete_resource', module: 'notes.write' },
  'x-pop-resource': { kind: 'note', effect: 'delete', id: 'path.name' },
}

/** The manifest of a module of tests. */
export const notesManifest = {
  openapi: '3.1.0',
  info: { title: 'notes', version: '1' },
  'x-pop-module': { name: 'notes', base: '/v1/notes', permissions: ['notes.read', 'notes.write'] },
  paths: {
    '/': { get: list },
    '/{name}': {
      parameters: [{ name: 'name', in: 'path', required: true, schema: { type: 'string' } }],
      delete: remove,
    },
  },
}

/** The rules of a bulletin of tests: only admin may delete. */
export const notesPolicy = {
  roles: { admin: ['delete_resource'], user: ['view_own_resources'], reader: ['view_public_resources'] },
  module_permissions: {},
  grants: { admin: ['notes.write'], user: ['notes.read'] },
}

export interface StandInBulletin {
  readonly policy?: unknown
  /** Address of the one instance of notes. */
  readonly address?: string
  /** Claims of changes behind the snapshot. */
  readonly changes?: readonly object[]
  readonly issued?: number
}

/** For tests: puts into a home what a gateway keeps of its bulletin, signed by nobody. */
export async function standInBulletin(home: string, options: StandInBulletin = {}): Promise<void> {
  const { policy = notesPolicy, address = 'https://127.0.0.1:1', changes = [], issued = Date.now() } = options
  const instances = [{ spiffe_id: 'spiffe://pop.internal/module/notes/notes-1', address, boot: 'b' }]
  const modules = { notes: { name: 'notes', manifest: notesManifest, manifest_digest: 'd', instances } }
  const snapshot = { aud: 'gateways', epoch: 2, sequence: 5, previous: 5, issued, sections: { policy, modules } }
  const file = { version: 1, snapshot: jwsOf(snapshot), changes: changes.map(jwsOf), heartbeat: null }
  await mkdir(join(home, 'gateway'), { recursive: true, mode: 0o700 })
  await writeOwnFile(join(home, 'gateway', 'snapshot'), JSON.stringify(file))
}

function jwsOf(claims: object): string {
  const part = (value: object): string => Buffer.from(JSON.stringify(value)).toString('base64url')
  return `${part({ alg: 'ES256' })}.${part(claims)}.AA`
}
