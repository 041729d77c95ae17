import { PopError, type Handler, type HandlerAnswer, type HandlerRequest, type Resource } from '@pop-api/module'
import { byteRange } from './byte-range.ts'
import type { BucketInfo, ObjectDriver, ObjectInfo } from './driver/object-driver.ts'
import { contentTypeOf } from './content-type.ts'
import { formatPlace, parsePlace } from './page-token.ts'
import { isRangeOf, isUnchanged, preconditionOf } from './preconditions.ts'

const keyBytesMax = 1024

/** The handlers of the manifest's operations over a driver. */
export function s3Handlers(driver: ObjectDriver): Readonly<Record<string, Handler>> {
  return {
    listBuckets: async ({ page }) => {
      const data = await Promise.all((page?.resources ?? []).map((found) => bucketStillThere(driver, found)))
      return { status: 200, body: { data: data.flat() } }
    },
    createBucket: async (request) => {
      const resource = admitted(request)
      await driver.createBucket(resource.id, resource.owner)
      const headers = { location: `/v1/s3/buckets/${resource.id}` }
      return { status: 201, headers, body: await bucketOf(driver, resource) }
    },
    getBucket: async (request) => ({ status: 200, body: await bucketOf(driver, admitted(request)) }),
    changeBucket: async (request) => {
      const resource = admitted(request)
      // Validated by the schema BucketChange.
      const { visibility = resource.visibility } = request.body as Partial<Pick<Resource, 'visibility'>>
      request.book?.setVisibility(visibility)
      return { status: 200, body: await bucketOf(driver, { ...resource, visibility }) }
    },
    deleteBucket: async (request) => {
      await driver.removeBucket(admitted(request).id)
      return { status: 204 }
    },
    listObjects: (request) => listObjects(driver, request),
    putObject: (request) => putObject(driver, request),
    getObject: (request) => getObject(driver, request),
    headObject: async (request) => {
      const info = await driver.find(admitted(request).id, keyOf(request))
      if (isUnchanged(request.headers, info)) return { status: 304, headers: { etag: info.etag } }
      return { status: 200, headers: fieldsOf(info), stream: { bytes: nothing(), lengthBytes: info.bytes } }
    },
    deleteObject: async (request) => {
      await driver.remove(admitted(request).id, keyOf(request), preconditionOf(request.headers))
      return { status: 204 }
    },
  }
}

async function listObjects(driver: ObjectDriver, request: HandlerRequest): Promise<HandlerAnswer> {
  const { prefix, delimiter, limit, page_token: token } = request.query
  const { objects, prefixes, next } = await driver.list({
    bucket: admitted(request).id,
    prefix: String(prefix),
    delimiter: String(delimiter),
    after: parsePlace(token),
    limit: Number(limit),
  })
  const more = next === undefined ? {} : { next_page_token: formatPlace(next) }
  return { status: 200, body: { data: objects.map(shownObject), common_prefixes: prefixes, ...more } }
}

async function putObject(driver: ObjectDriver, request: HandlerRequest): Promise<HandlerAnswer> {
  const { headers, stream } = request
  if (stream === undefined) throw new PopError('internal', 'The manifest names no stream for this operation.')
  if (headers['content-encoding'] !== undefined)
    throw new PopError('media-type-unsupported', 'Objects are kept as they are: send no Content-Encoding.')
  // RFC 9110, section 14.5: whoever sends a part would find the whole object replaced by it.
  if (headers['content-range'] !== undefined)
    throw new PopError('parameter-invalid', 'An object is kept whole: send no Content-Range.')
  const { id: bucket, owner } = admitted(request)
  const { info, created } = await driver.put({
    bucket,
    owner,
    key: keyOf(request),
    contentType: contentTypeOf(headers['content-type']),
    ...stream,
    precondition: preconditionOf(headers),
  })
  return { status: created ? 201 : 200, headers: { etag: info.etag }, body: shownObject(info) }
}

async function getObject(driver: ObjectDriver, request: HandlerRequest): Promise<HandlerAnswer> {
  const opened = await driver.open(admitted(request).id, keyOf(request))
  try {
    const { info, read } = opened
    if (isUnchanged(request.headers, info)) {
      await opened[Symbol.asyncDispose]()
      return { status: 304, headers: { etag: info.etag } }
    }
    const range = isRangeOf(request.headers, info) ? byteRange(request.headers['range'], info.bytes) : undefined
    const { from, to } = range ?? { from: 0, to: info.bytes }
    const part = range === undefined ? {} : { 'content-range': `bytes ${from}-${to - 1}/${info.bytes}` }
    const stream = { bytes: read({ from, to }), lengthBytes: to - from, release: () => opened[Symbol.asyncDispose]() }
    return { status: range === undefined ? 200 : 206, headers: { ...fieldsOf(info), ...part }, stream }
  } catch (failure) {
    await opened[Symbol.asyncDispose]()
    throw failure
  }
}

function fieldsOf({ etag, contentType, modifiedMs }: ObjectInfo): Readonly<Record<string, string>> {
  const modified = new Date(modifiedMs).toUTCString()
  return { 'content-type': contentType, etag, 'last-modified': modified, 'accept-ranges': 'bytes' }
}

function shownObject({ key, bytes, etag, contentType, modifiedMs }: ObjectInfo): object {
  return { key, bytes, etag, content_type: contentType, modified_at: new Date(modifiedMs).toISOString() }
}

async function bucketOf(driver: ObjectDriver, resource: Resource): Promise<object> {
  return shownBucket(await driver.bucket(resource.id), resource)
}

/** A bucket of a list; nothing for one that was deleted since the page was made. */
async function bucketStillThere(driver: ObjectDriver, resource: Resource): Promise<readonly object[]> {
  return (await driver.hasBucket(resource.id)) ? [await bucketOf(driver, resource)] : []
}

function shownBucket({ createdMs, ...info }: BucketInfo, { visibility, owner }: Resource): object {
  return { ...info, created_at: new Date(createdMs).toISOString(), visibility, owner }
}

function admitted({ resource }: HandlerRequest): Resource {
  if (resource === undefined) throw new PopError('internal', 'The manifest names no resource for this operation.')
  return resource
}

/** The parser has refused empty and dot segments; they are refused again here, where a key becomes a name. */
function keyOf({ parameters }: HandlerRequest): string {
  const key = parameters['key'] ?? ''
  if (Buffer.byteLength(key) > keyBytesMax || !key.isWellFormed())
    throw new PopError('parameter-invalid', `A key has at most ${keyBytesMax} bytes of UTF-8.`)
  if (key.split('/').some((segment) => segment === '' || segment === '.' || segment === '..'))
    throw new PopError('parameter-invalid', 'A key has no empty segment, and none that is "." or "..".')
  return key
}

async function* nothing(): AsyncGenerator<Uint8Array> {}
