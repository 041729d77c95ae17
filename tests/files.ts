import { createHash } from 'node:crypto'
import { defineModule, type Handler, type ManifestDocument } from '@pop-api/module'
import type { TestModule } from '@pop-api/testkit'

/** What the module of `filesModule` holds and saw. */
export interface FilesWorld {
  /** Commits: nothing is in here that did not verify to its end. */
  readonly commits: { readonly bytes: number; readonly sha256: string }[]
  /** How uploads ended that were not committed. */
  readonly dropped: string[]
  /** What `GET /file` gives; a test changes it. */
  answer: () => { readonly bytes: AsyncIterable<Uint8Array>; readonly lengthBytes?: number }
}

const requires = { role: 'create_resource', module: 's3.upload' }
const manifest: ManifestDocument = {
  openapi: '3.1.0',
  info: { title: 'files', version: '1' },
  'x-pop-module': { name: 'files', base: '/v1/files', permissions: ['s3.upload', 's3.download'] },
  paths: {
    '/file': {
      put: {
        operationId: 'put',
        'x-pop-requires': requires,
        'x-pop-stream': 'upload',
        requestBody: { content: { '*/*': { schema: {} } } },
      },
      get: { operationId: 'get', 'x-pop-requires': { ...requires, module: 's3.download' } },
      head: { operationId: 'head', 'x-pop-requires': { ...requires, module: 's3.download' } },
    },
    '/events': {
      get: {
        operationId: 'events',
        'x-pop-requires': { ...requires, module: 's3.download' },
        'x-pop-stream': 'events',
      },
    },
    '/closed': { put: { operationId: 'closed', 'x-pop-requires': requires, 'x-pop-stream': 'upload' } },
    '/plain': { post: { operationId: 'plain', 'x-pop-requires': requires } },
  },
}

/** A module that takes an upload of any size, remembers its digest once its end has verified, and answers what a test wants. */
export function filesModule(world: FilesWorld): TestModule {
  const put: Handler = async ({ stream }) => {
    const hash = createHash('sha256')
    let bytes = 0
    try {
      for await (const piece of stream?.bytes ?? []) {
        hash.update(piece)
        bytes += piece.length
      }
      const ending = await stream?.verified
      if (ending !== 'complete') world.dropped.push(String(ending))
      if (ending !== 'complete') return { status: 202 }
    } catch (failure) {
      world.dropped.push(failure instanceof Error ? failure.message : String(failure))
      throw failure
    }
    const sha256 = hash.digest('hex')
    world.commits.push({ bytes, sha256 })
    return { status: 201, body: { bytes, sha256 } }
  }
  const get: Handler = () => ({
    status: 200,
    headers: { 'content-type': 'application/octet-stream' },
    stream: world.answer(),
  })
  const closed: Handler = () => ({ status: 200, body: { unread: true } })
  const plain: Handler = () => ({ status: 204 })
  const events: Handler = () => ({
    status: 200,
    headers: { 'content-type': 'text/event-stream' },
    stream: world.answer(),
  })
  const handlers = { put, events, get, head: get, closed, plain }
  return {
    name: 'files',
    manifest,
    open: () => ({ definition: defineModule({ manifest, handlers }), [Symbol.dispose]: () => undefined }),
  }
}

/** What a `FilesWorld` begins with. */
export function emptyFiles(): FilesWorld {
  return { commits: [], dropped: [], answer: () => ({ bytes: zeros(0, 1), lengthBytes: 0 }) }
}

/** So many bytes in pieces of a size. */
export async function* zeros(bytes: number, pieceBytes: number): AsyncGenerator<Uint8Array> {
  for (let left = bytes; left > 0; left -= pieceBytes) yield new Uint8Array(Math.min(left, pieceBytes))
}
