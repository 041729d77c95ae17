import type { DatabaseSync, SQLOutputValue } from 'node:sqlite'
import { PopError } from '@pop-api/module'
import { openStateDatabase, transact } from '@pop-api/workload'
import { partitionOfKey } from './partition.ts'
import { refuseLargeConfigs } from './topic-configs.ts'
import type {
  NewRecord,
  PageOfRecords,
  RecordPage,
  RecordPlace,
  StoredRecord,
  Topic,
  TopicChange,
  TopicDriver,
} from './topic-driver.ts'

type Row = Record<string, SQLOutputValue>

const schema = `
  create table if not exists topic (
    number integer primary key autoincrement,
    name text not null unique,
    partitions_count integer not null,
    replication_factor integer not null,
    configs text not null,
    round integer not null default 0
  ) strict;
  create table if not exists record (
    topic integer not null references topic (number) on delete cascade,
    partition_id integer not null,
    offset integer not null,
    timestamp_ms integer not null,
    key text,
    value text not null,
    headers text not null,
    primary key (topic, partition_id, offset)
  ) strict, without rowid;
`

/** Opens the embedded store: one SQLite file in which records are only ever appended. `nowMs` dates the records. */
export function openSqliteDriver(path: string, nowMs: () => number): TopicDriver {
  const database = openStateDatabase(path, schema)
  const store = { database, nowMs }
  return {
    has: async (name) => findTopic(database, name) !== undefined,
    create: async (topic) => createTopic(database, topic),
    get: async (name) => topicOf(theTopic(database, name)),
    change: async (name, change) => transact(database, () => changeTopic(database, name, change)),
    remove: async (name) => {
      const { changes } = database.prepare('delete from topic where name = ?').run(name)
      if (changes === 0) throw noTopic()
    },
    append: async (name, records) => transact(database, () => append(store, name, records)),
    read: async (name, page) => read(database, name, page),
    [Symbol.dispose]: () => database.close(),
  }
}

function createTopic(database: DatabaseSync, topic: Topic): Topic {
  const { topic_name: name, partitions_count: partitions, replication_factor: replicas, configs } = topic
  refuseLargeConfigs(configs)
  const { changes } = database
    .prepare(
      'insert into topic (name, partitions_count, replication_factor, configs) values (?, ?, ?, ?) on conflict do nothing',
    )
    .run(name, partitions, replicas, JSON.stringify(configs))
  if (changes === 0) throw new PopError('resource-exists', `There is a topic ${name} already.`)
  return topic
}

function changeTopic(database: DatabaseSync, name: string, change: TopicChange): Topic {
  const row = theTopic(database, name)
  const topic = topicOf(row)
  const partitions = change.partitions_count ?? topic.partitions_count
  if (partitions < topic.partitions_count) {
    throw new PopError('conflict', `The topic has ${topic.partitions_count} partitions, and that only grows.`)
  }
  const configs = { ...topic.configs, ...change.configs }
  if (change.configs !== undefined) refuseLargeConfigs(configs)
  database
    .prepare('update topic set partitions_count = ?, configs = ? where number = ?')
    .run(partitions, JSON.stringify(configs), Number(row['number']))
  return { ...topic, partitions_count: partitions, configs }
}

interface Store {
  readonly database: DatabaseSync
  readonly nowMs: () => number
}

function append({ database, nowMs }: Store, name: string, records: readonly NewRecord[]): readonly RecordPlace[] {
  const row = theTopic(database, name)
  const number = Number(row['number'])
  const partitionsCount = Number(row['partitions_count'])
  let round = Number(row['round'])
  const next = new Map<number, number>()
  const end = database.prepare(
    'select coalesce(max(offset) + 1, 0) as next from record where topic = ? and partition_id = ?',
  )
  const insert = database.prepare('insert into record values (?, ?, ?, ?, ?, ?, ?)')
  const timestampMs = nowMs()
  const places = records.map((record) => {
    const { key, value, headers = [] } = record
    const partition =
      record.partition_id ?? (key === undefined ? round++ % partitionsCount : partitionOfKey(key, partitionsCount))
    if (partition >= partitionsCount) throw noPartition(partitionsCount)
    const offset = next.get(partition) ?? Number(end.get(number, partition)?.['next'])
    next.set(partition, offset + 1)
    insert.run(number, partition, offset, timestampMs, key ?? null, JSON.stringify(value), JSON.stringify(headers))
    return { partition_id: partition, offset }
  })
  database.prepare('update topic set round = ? where number = ?').run(round % partitionsCount, number)
  return places
}

function read(database: DatabaseSync, name: string, page: PageOfRecords): RecordPage {
  const topic = theTopic(database, name)
  const partitionsCount = Number(topic['partitions_count'])
  if (page.partition_id >= partitionsCount) throw noPartition(partitionsCount)
  const rows = database
    .prepare('select * from record where topic = ? and partition_id = ? and offset >= ? order by offset limit ?')
    .iterate(Number(topic['number']), page.partition_id, page.offset, page.limit)
  const records: StoredRecord[] = []
  let bytes = 0
  for (const row of rows) {
    const record = recordOf(row)
    bytes += Buffer.byteLength(JSON.stringify(record)) + 1
    if (bytes > page.bytesMax && records.length > 0) break
    records.push(record)
  }
  const last = records.at(-1)
  return { records, nextOffset: last === undefined ? page.offset : last.offset + 1 }
}

function findTopic(database: DatabaseSync, name: string): Row | undefined {
  return database.prepare('select * from topic where name = ?').get(name)
}

function theTopic(database: DatabaseSync, name: string): Row {
  const row = findTopic(database, name)
  if (row === undefined) throw noTopic()
  return row
}

function topicOf(row: Row): Topic {
  return {
    topic_name: String(row['name']),
    partitions_count: Number(row['partitions_count']),
    replication_factor: Number(row['replication_factor']),
    // Written by JSON.stringify of this very type, in this file alone.
    configs: JSON.parse(String(row['configs'])) as Topic['configs'],
  }
}

function recordOf(row: Row): StoredRecord {
  return {
    partition_id: Number(row['partition_id']),
    offset: Number(row['offset']),
    timestamp: new Date(Number(row['timestamp_ms'])).toISOString(),
    key: row['key'] === null ? null : String(row['key']),
    // Written by JSON.stringify of these very types, in this file alone.
    value: JSON.parse(String(row['value'])) as StoredRecord['value'],
    headers: JSON.parse(String(row['headers'])) as StoredRecord['headers'],
  }
}

function noTopic(): PopError {
  return new PopError('resource-not-found', 'There is no such topic.')
}

function noPartition(partitionsCount: number): PopError {
  return new PopError('parameter-invalid', `The topic has the partitions 0 to ${partitionsCount - 1}.`)
}
