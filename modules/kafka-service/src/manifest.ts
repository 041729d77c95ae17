import type { ManifestDocument } from '@pop-api/module'

const topicName = { type: 'string', pattern: '^[A-Za-z0-9][A-Za-z0-9._-]{0,248}$' }
const visibility = { enum: ['private', 'public'] }
/** Together the configs of a topic have at most 2048 bytes as JSON, which the driver sees to: a schema cannot say it. */
const configs = {
  type: 'object',
  maxProperties: 32,
  propertyNames: { type: 'string', maxLength: 128, pattern: '^[a-z][a-z0-9._-]*$' },
  additionalProperties: { type: 'string', maxLength: 1024 },
}
const partitionsCount = { type: 'integer', minimum: 1, maximum: 1024 }
const json = (schema: object) => ({ 'application/json': { schema } })
const answer = (description: string, schema: object) => ({ description, content: json(schema) })
const refer = (name: string) => ({ $ref: `#/components/schemas/${name}` })
const query = (name: string, schema: object) => ({ name, in: 'query', required: false, schema })

const topicParameter = { name: 'topic', in: 'path', required: true, schema: topicName }
const readers = { any: 'view_any_resources', own: 'view_own_resources', public: 'view_public_resources' }
const part = (effect: 'read' | 'change' | 'delete') => ({ kind: 'topic', id: 'path.topic', effect })

const schemas = {
  Topic: {
    type: 'object',
    required: ['topic_name', 'partitions_count', 'replication_factor', 'configs', 'visibility', 'owner'],
    properties: {
      topic_name: topicName,
      partitions_count: partitionsCount,
      replication_factor: { type: 'integer' },
      configs,
      visibility,
      owner: { type: 'string' },
    },
  },
  TopicCreation: {
    type: 'object',
    required: ['topic_name'],
    additionalProperties: false,
    properties: {
      topic_name: topicName,
      partitions_count: partitionsCount,
      replication_factor: { type: 'integer', minimum: 1, maximum: 16 },
      configs,
      visibility,
    },
  },
  TopicChange: {
    type: 'object',
    minProperties: 1,
    additionalProperties: false,
    properties: { partitions_count: partitionsCount, configs, visibility },
  },
  Value: {
    type: 'object',
    required: ['type', 'data'],
    additionalProperties: false,
    properties: { type: { enum: ['JSON', 'STRING', 'BINARY'] }, data: true },
    oneOf: [
      { properties: { type: { const: 'JSON' } } },
      { properties: { type: { const: 'STRING' }, data: { type: 'string' } } },
      {
        properties: {
          type: { const: 'BINARY' },
          data: {
            type: 'string',
            pattern: '^(?:[A-Za-z0-9+/]{4})*(?:[A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?$',
            // As long as a whole body may be: the pattern's cost needs an end, and what is too large has a code of its own.
            maxLength: 256 * 1024,
          },
        },
      },
    ],
  },
  Header: {
    type: 'object',
    required: ['name', 'value'],
    additionalProperties: false,
    properties: {
      name: { type: 'string', minLength: 1, maxLength: 128 },
      value: { type: 'string', maxLength: 512 },
    },
  },
  Records: {
    type: 'object',
    required: ['records'],
    additionalProperties: false,
    properties: {
      records: {
        type: 'array',
        minItems: 1,
        maxItems: 1000,
        items: {
          type: 'object',
          required: ['value'],
          additionalProperties: false,
          properties: {
            partition_id: { type: 'integer', minimum: 0, maximum: 1023 },
            key: { type: 'string', maxLength: 1024 },
            value: refer('Value'),
            headers: { type: 'array', maxItems: 16, items: refer('Header') },
          },
        },
      },
    },
  },
}

/** What `kafka_service` offers: topics with the field names of Confluent REST v3, and their records. Values at most 128 KiB. */
export const manifest: ManifestDocument = {
  openapi: '3.1.0',
  info: { title: 'kafka_service', version: '1', description: 'Topics and their records.' },
  'x-pop-module': {
    name: 'kafka_service',
    base: '/v1/kafka',
    permissions: ['kafka.create', 'kafka.delete', 'kafka.modify', 'kafka.produce', 'kafka.consume'],
  },
  paths: {
    '/topics': {
      post: {
        operationId: 'createTopic',
        summary: 'Create a topic',
        'x-pop-requires': { role: 'create_resource', module: 'kafka.create' },
        'x-pop-resource': { kind: 'topic', id: 'body.topic_name', effect: 'create' },
        requestBody: { required: true, content: json(refer('TopicCreation')) },
        responses: { 201: answer('The topic', refer('Topic')) },
      },
      get: {
        operationId: 'listTopics',
        summary: 'List the topics that the caller may see',
        'x-pop-requires': { role: readers, module: 'kafka.consume' },
        'x-pop-resource': { kind: 'topic', effect: 'list', items: '/data', key: '/topic_name' },
        parameters: [
          query('limit', { type: 'integer', minimum: 1, maximum: 100, default: 100 }),
          query('page_token', { type: 'string', maxLength: 2048 }),
        ],
        responses: {
          200: answer('A page of topics', {
            type: 'object',
            required: ['data'],
            properties: { data: { type: 'array', items: refer('Topic') }, next_page_token: { type: 'string' } },
          }),
        },
      },
    },
    '/topics/{topic}': {
      parameters: [topicParameter],
      get: {
        operationId: 'getTopic',
        summary: 'Read a topic',
        'x-pop-requires': { role: readers, module: 'kafka.consume' },
        'x-pop-resource': part('read'),
        responses: { 200: answer('The topic', refer('Topic')) },
      },
      patch: {
        operationId: 'changeTopic',
        summary: 'Change visibility, configs or the number of partitions, which only grows',
        'x-pop-requires': { role: { any: 'modify_settings', own: 'create_resource' }, module: 'kafka.modify' },
        'x-pop-resource': part('change'),
        requestBody: { required: true, content: json(refer('TopicChange')) },
        responses: { 200: answer('The topic as it is now', refer('Topic')) },
      },
      delete: {
        operationId: 'deleteTopic',
        summary: 'Delete a topic with its records',
        'x-pop-requires': { role: 'delete_resource', module: 'kafka.delete' },
        'x-pop-resource': part('delete'),
        responses: { 204: { description: 'It is gone' } },
      },
    },
    '/topics/{topic}/records': {
      parameters: [topicParameter],
      post: {
        operationId: 'produceRecords',
        summary: 'Append records, all of them or none',
        'x-pop-requires': { role: { own: 'create_resource' }, module: 'kafka.produce' },
        'x-pop-resource': part('change'),
        requestBody: { required: true, content: json(refer('Records')) },
        responses: { 200: answer('Where each record came to lie, in their order', { type: 'object' }) },
      },
      get: {
        operationId: 'consumeRecords',
        summary: 'Read records of a partition, oldest first',
        'x-pop-requires': { role: readers, module: 'kafka.consume' },
        'x-pop-resource': part('read'),
        parameters: [
          query('partition_id', { type: 'integer', minimum: 0, maximum: 1023, default: 0 }),
          query('offset', { type: 'integer', minimum: 0, default: 0 }),
          query('limit', { type: 'integer', minimum: 1, maximum: 1000, default: 100 }),
        ],
        responses: { 200: answer('A page of records', { type: 'object' }) },
      },
    },
  },
  components: { schemas },
}
