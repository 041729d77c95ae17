import { PopError, type Handler, type HandlerRequest, type Resource } from '@pop-api/module'
import type { NewRecord, Topic, TopicChange, TopicDriver } from './driver/topic-driver.ts'

/** Bytes of a value as JSON: what it takes in a request and in an answer. */
const valueBytesMax = 128 * 1024
/** Bytes of a key and its headers as JSON, so that one record always fits into one page. */
const labelBytesMax = 64 * 1024
/** 256 KiB is what an answer may have; the rest is for the object around the records. */
const pageBytesMax = 256 * 1024 - 1024

interface TopicBody extends TopicChange {
  readonly topic_name?: string
  readonly replication_factor?: number
  readonly visibility?: 'private' | 'public'
}

/** The handlers of the manifest's operations over a driver. */
export function kafkaHandlers(driver: TopicDriver): Readonly<Record<string, Handler>> {
  return {
    createTopic: async (request) => {
      const resource = admitted(request)
      const { partitions_count: partitions = 1, replication_factor: replicas = 1, configs = {} } = topicBody(request)
      const topic = { topic_name: resource.id, partitions_count: partitions, replication_factor: replicas, configs }
      const location = `/v1/kafka/topics/${resource.id}`
      return { status: 201, headers: { location }, body: shown(await driver.create(topic), resource) }
    },
    listTopics: async ({ page }) => {
      const data = await Promise.all((page?.resources ?? []).map((found) => topicStillThere(driver, found)))
      return { status: 200, body: { data: data.flat() } }
    },
    getTopic: async (request) => ({ status: 200, body: await topicOf(driver, admitted(request)) }),
    changeTopic: async (request) => {
      const resource = admitted(request)
      const { visibility = resource.visibility, ...change } = topicBody(request)
      const topic = await driver.change(resource.id, change)
      request.book?.setVisibility(visibility)
      return { status: 200, body: shown(topic, { ...resource, visibility }) }
    },
    deleteTopic: async (request) => {
      await driver.remove(admitted(request).id)
      return { status: 204 }
    },
    produceRecords: async (request) => {
      // Validated by the schema of the operation.
      const { records } = request.body as { readonly records: readonly NewRecord[] }
      records.forEach(refuseLarge)
      return { status: 200, body: { data: await driver.append(admitted(request).id, records) } }
    },
    consumeRecords: async (request) => {
      const { partition_id: partition, offset, limit } = request.query
      const page = { partition_id: Number(partition), offset: Number(offset), limit: Number(limit) }
      const { records, nextOffset } = await driver.read(admitted(request).id, { ...page, bytesMax: pageBytesMax })
      return { status: 200, body: { data: records, next_offset: nextOffset } }
    },
  }
}

async function topicOf(driver: TopicDriver, resource: Resource): Promise<object> {
  return shown(await driver.get(resource.id), resource)
}

/** A topic of a list; nothing for one that was deleted since the page was made. */
async function topicStillThere(driver: TopicDriver, resource: Resource): Promise<readonly object[]> {
  return (await driver.has(resource.id)) ? [await topicOf(driver, resource)] : []
}

function shown(topic: Topic, { visibility, owner }: Resource): object {
  return { ...topic, visibility, owner }
}

function admitted({ resource }: HandlerRequest): Resource {
  if (resource === undefined) throw new PopError('internal', 'The manifest names no resource for this operation.')
  return resource
}

function topicBody({ body }: HandlerRequest): TopicBody {
  // Validated by the schemas TopicCreation and TopicChange, which allow no other members.
  return body as TopicBody
}

function refuseLarge({ key, value, headers }: NewRecord, index: number): void {
  // The quotes of a text are not of its value.
  const quoteBytes = typeof value.data === 'string' ? 2 : 0
  if (Buffer.byteLength(JSON.stringify(value.data)) - quoteBytes > valueBytesMax) {
    throw new PopError('record-too-large', `The value of record ${index} has more than ${valueBytesMax} bytes.`)
  }
  if (Buffer.byteLength(JSON.stringify([key, headers])) > labelBytesMax) {
    throw new PopError('record-too-large', `Key and headers of record ${index} have more than ${labelBytesMax} bytes.`)
  }
}
