import { randomUUID } from 'node:crypto'
import { existsSync } from 'node:fs'
import { glob, mkdir, open, rename, rm, stat, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { defineModule, PopError } from '@pop-api/module'
import type { HandlerAnswer, HandlerRequest, ManifestDocument, ModuleDefinition } from '@pop-api/module'

const name = { type: 'string', pattern: '^[a-z0-9-]{1,40}$' }
const box = { kind: 'box', id: 'path.box' }
const readers = { role: { own: 'view_own_resources', public: 'view_public_resources' }, module: 'boxes.read' }
const writers = { role: { own: 'create_resource' }, module: 'boxes.write' }
const fields = { 'content-type': 'application/octet-stream', 'accept-ranges': 'bytes' }
const creation = { type: 'object', properties: { name }, required: ['name'], additionalProperties: false }

/** A box holds bytes of any kind, which are put in and taken out whole or in part. */
export const manifest: ManifestDocument = {
  openapi: '3.1.0',
  info: { title: 'boxes', version: '1' },
  'x-pop-module': { name: 'boxes', base: '/v1/boxes', permissions: ['boxes.read', 'boxes.write'] },
  paths: {
    '/': {
      post: {
        operationId: 'makeBox',
        'x-pop-requires': { ...writers, role: 'create_resource' },
        'x-pop-resource': { kind: 'box', id: 'body.name', effect: 'create' },
        requestBody: { required: true, content: { 'application/json': { schema: creation } } },
      },
    },
    '/{box}': {
      parameters: [{ name: 'box', in: 'path', required: true, schema: name }],
      delete: { operationId: 'dropBox', 'x-pop-requires': writers, 'x-pop-resource': { ...box, effect: 'delete' } },
    },
    '/{box}/bytes': {
      parameters: [{ name: 'box', in: 'path', required: true, schema: name }],
      put: {
        operationId: 'fillBox',
        'x-pop-requires': writers,
        'x-pop-resource': { ...box, effect: 'change' },
        'x-pop-stream': 'upload',
        requestBody: { content: { '*/*': { schema: {} } } },
      },
      get: { operationId: 'readBox', 'x-pop-requires': readers, 'x-pop-resource': { ...box, effect: 'read' } },
      head: { operationId: 'lookAtBox', 'x-pop-requires': readers, 'x-pop-resource': { ...box, effect: 'read' } },
    },
  },
}

/** Boxes as folders of a folder, of at most so many bytes each. What a crash left half done is removed first. */
export async function openBoxes(folder: string, bytesMax: number): Promise<ModuleDefinition> {
  for await (const left of glob('{*.new,*.gone,*.box/*.part}', { cwd: folder }))
    await rm(join(folder, left), { recursive: true })
  // The schema of the name lets nothing through that a path could be made of.
  const placeOf = ({ resource }: HandlerRequest): string => join(folder, `${resource?.id}.box`)
  return defineModule({
    manifest,
    handlers: {
      makeBox: async (request) => {
        const made = join(folder, `${randomUUID()}.new`)
        await mkdir(made, { mode: 0o700 })
        await writeFile(join(made, 'bytes'), '', { mode: 0o600 })
        await rename(made, placeOf(request))
        return { status: 201, body: request.resource }
      },
      dropBox: async (request) => {
        const gone = join(folder, `${randomUUID()}.gone`)
        await rename(placeOf(request), gone)
        await rm(gone, { recursive: true })
        return { status: 204 }
      },
      fillBox: async (request) => ({ status: 200, body: { bytes: await fill(placeOf(request), request, bytesMax) } }),
      readBox: (request) => read(placeOf(request), request.headers['range']),
      lookAtBox: (request) => lookAt(placeOf(request)),
    },
    exists: (_kind, id) => existsSync(join(folder, `${id}.box`)),
  })
}

async function fill(place: string, { stream }: HandlerRequest, bytesMax: number): Promise<number> {
  const part = join(place, `${randomUUID()}.part`)
  let bytes = 0
  try {
    await using file = await open(part, 'wx', 0o600)
    for await (const piece of stream?.bytes ?? []) {
      bytes += piece.length
      if (bytes > bytesMax) throw new PopError('body-too-large', `A box holds at most ${bytesMax} bytes.`)
      await file.writeFile(piece)
    }
    // Only now it is known that these are the bytes that the client sent, all of them.
    if ((await stream?.verified) !== 'complete') throw new PopError('client-gone', 'The upload was broken off.')
    await file.datasync()
    // The box was not held while the bytes came. If it is gone, the part went with it, whoever has a box of that name now.
    await rename(part, join(place, 'bytes'))
    await using box = await open(place)
    await box.sync()
    return bytes
  } catch (failure) {
    await rm(part, { force: true })
    if (!isMissing(failure)) throw failure
    throw new PopError('resource-not-found', 'The box was deleted meanwhile.', { cause: failure })
  }
}

async function read(place: string, wanted: string | undefined): Promise<HandlerAnswer> {
  // Whoever fills the box meanwhile puts another file in its place; this one stays what it is.
  const file = await open(join(place, 'bytes'))
  const { size } = await file.stat()
  const { from, to } = rangeOf(wanted, size) ?? { from: 0, to: size }
  if (from === to) await file.close()
  const bytes = from === to ? nothing() : file.createReadStream({ start: from, end: to - 1 })
  const stream = { bytes, lengthBytes: to - from }
  if (stream.lengthBytes === size) return { status: 200, headers: fields, stream }
  return { status: 206, headers: { ...fields, 'content-range': `bytes ${from}-${to - 1}/${size}` }, stream }
}

async function lookAt(place: string): Promise<HandlerAnswer> {
  const { size } = await stat(join(place, 'bytes'))
  return { status: 200, headers: fields, stream: { bytes: nothing(), lengthBytes: size } }
}

/** The one range of a `Range`, if it is one that lies within so many bytes; else the whole is answered (RFC 9110, section 14.2). */
function rangeOf(field: string | undefined, bytes: number): { readonly from: number; readonly to: number } | undefined {
  const [, first, last] = /^bytes=(\d{1,15})-(\d{1,15})?$/.exec(field ?? '') ?? []
  if (first === undefined) return undefined
  const from = Number(first)
  const to = last === undefined ? bytes : Math.min(bytes, Number(last) + 1)
  return from < to ? { from, to } : undefined
}

function isMissing(failure: unknown): boolean {
  return failure instanceof Error && 'code' in failure && failure.code === 'ENOENT'
}

async function* nothing(): AsyncGenerator<Uint8Array> {}
