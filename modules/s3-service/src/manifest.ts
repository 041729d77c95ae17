import type { ManifestDocument } from '@pop-api/module'

/** S3's rule: no two dots in a row, and nothing that reads as an address. */
const bucketName = {
  type: 'string',
  pattern: '^[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]$',
  not: { anyOf: [{ maxLength: 63, pattern: '\\.\\.' }, { pattern: '^[0-9]{1,3}(?:\\.[0-9]{1,3}){3}$' }] },
}
const objectKey = { type: 'string', minLength: 1, maxLength: 1024 }
const visibility = { enum: ['private', 'public'] }
const json = (schema: object) => ({ 'application/json': { schema } })
const answer = (description: string, schema: object) => ({ description, content: json(schema) })
const refer = (name: string) => ({ $ref: `#/components/schemas/${name}` })
const query = (name: string, schema: object) => ({ name, in: 'query', required: false, schema })
const path = (name: string, schema: object) => ({ name, in: 'path', required: true, schema })

const readers = { any: 'view_any_resources', own: 'view_own_resources', public: 'view_public_resources' }
const read = { role: readers, module: 's3.download' }
const part = (effect: 'create' | 'read' | 'change' | 'delete') => ({ kind: 'bucket', id: 'path.bucket', effect })
const content = { '*/*': { schema: {} } }
const pages = [
  query('limit', { type: 'integer', minimum: 1, maximum: 100, default: 100 }),
  query('page_token', { type: 'string', maxLength: 2048 }),
]

const schemas = {
  Bucket: {
    type: 'object',
    required: ['name', 'objects', 'bytes', 'created_at', 'visibility', 'owner'],
    properties: {
      name: bucketName,
      objects: { type: 'integer' },
      bytes: { type: 'integer' },
      created_at: { type: 'string' },
      visibility,
      owner: { type: 'string' },
    },
  },
  BucketChange: { type: 'object', additionalProperties: false, properties: { visibility } },
  Object: {
    type: 'object',
    required: ['key', 'bytes', 'etag', 'content_type', 'modified_at'],
    properties: {
      key: objectKey,
      bytes: { type: 'integer' },
      etag: { type: 'string' },
      content_type: { type: 'string' },
      modified_at: { type: 'string' },
    },
  },
}

/** What `s3_service` offers: buckets, and objects of any size whose keys may have slashes. */
export const manifest: ManifestDocument = {
  openapi: '3.1.0',
  info: { title: 's3_service', version: '1', description: 'Buckets and their objects.' },
  'x-pop-module': { name: 's3_service', base: '/v1/s3', permissions: ['s3.upload', 's3.download', 's3.delete'] },
  paths: {
    '/buckets': {
      get: {
        operationId: 'listBuckets',
        summary: 'List the buckets that the caller may see',
        'x-pop-requires': read,
        'x-pop-resource': { kind: 'bucket', effect: 'list', items: '/data', key: '/name' },
        parameters: pages,
        responses: {
          200: answer('A page of buckets', {
            type: 'object',
            required: ['data'],
            properties: { data: { type: 'array', items: refer('Bucket') }, next_page_token: { type: 'string' } },
          }),
        },
      },
    },
    '/buckets/{bucket}': {
      parameters: [path('bucket', bucketName)],
      put: {
        operationId: 'createBucket',
        summary: 'Create a bucket',
        'x-pop-requires': { role: 'create_resource', module: 's3.upload' },
        'x-pop-resource': part('create'),
        requestBody: { required: false, content: json(refer('BucketChange')) },
        responses: { 201: answer('The bucket', refer('Bucket')) },
      },
      get: {
        operationId: 'getBucket',
        summary: 'Read a bucket',
        'x-pop-requires': read,
        'x-pop-resource': part('read'),
        responses: { 200: answer('The bucket', refer('Bucket')) },
      },
      patch: {
        operationId: 'changeBucket',
        summary: 'Change the visibility',
        'x-pop-requires': { role: { any: 'modify_settings', own: 'create_resource' }, module: 's3.upload' },
        'x-pop-resource': part('change'),
        requestBody: { required: true, content: json(refer('BucketChange')) },
        responses: { 200: answer('The bucket as it is now', refer('Bucket')) },
      },
      delete: {
        operationId: 'deleteBucket',
        summary: 'Delete an empty bucket',
        'x-pop-requires': { role: 'delete_resource', module: 's3.delete' },
        'x-pop-resource': part('delete'),
        responses: { 204: { description: 'It is gone' } },
      },
    },
    '/buckets/{bucket}/objects': {
      parameters: [path('bucket', bucketName)],
      get: {
        operationId: 'listObjects',
        summary: 'List objects in the order of their keys',
        'x-pop-requires': read,
        'x-pop-resource': part('read'),
        parameters: [
          query('prefix', { type: 'string', maxLength: 1024, default: '' }),
          query('delimiter', { type: 'string', maxLength: 16, default: '' }),
          ...pages,
        ],
        responses: {
          200: answer('A page of objects, and the prefixes that the delimiter cuts off', {
            type: 'object',
            required: ['data', 'common_prefixes'],
            properties: {
              data: { type: 'array', items: refer('Object') },
              common_prefixes: { type: 'array', items: { type: 'string' } },
              next_page_token: { type: 'string' },
            },
          }),
        },
      },
    },
    '/buckets/{bucket}/objects/{key+}': {
      parameters: [path('bucket', bucketName), path('key', objectKey)],
      put: {
        operationId: 'putObject',
        summary: 'Keep an object, whole or not at all',
        'x-pop-requires': { role: { own: 'create_resource' }, module: 's3.upload' },
        'x-pop-resource': part('change'),
        'x-pop-stream': 'upload',
        parameters: [
          { name: 'content-range', in: 'header', required: false, schema: { type: 'string', maxLength: 256 } },
        ],
        requestBody: { required: false, content },
        responses: { 200: answer('It was replaced', refer('Object')), 201: answer('It is new', refer('Object')) },
      },
      get: {
        operationId: 'getObject',
        summary: 'Read an object, or a range of it',
        'x-pop-requires': read,
        'x-pop-resource': part('read'),
        parameters: [{ name: 'if-range', in: 'header', required: false, schema: { type: 'string', maxLength: 256 } }],
        responses: { 200: { description: 'The object', content }, 206: { description: 'A part of it', content } },
      },
      head: {
        operationId: 'headObject',
        summary: 'Read what is known of an object',
        'x-pop-requires': read,
        'x-pop-resource': part('read'),
        responses: { 200: { description: 'It is there' } },
      },
      delete: {
        operationId: 'deleteObject',
        summary: 'Delete an object',
        'x-pop-requires': { role: 'delete_resource', module: 's3.delete' },
        'x-pop-resource': part('change'),
        responses: { 204: { description: 'It is gone' } },
      },
    },
  },
  components: { schemas },
}
