/** The value of a record: any JSON, a text, or bytes as base64. */
export interface RecordValue {
  readonly type: 'JSON' | 'STRING' | 'BINARY'
  readonly data: unknown
}

export interface RecordHeader {
  readonly name: string
  readonly value: string
}

export interface NewRecord {
  readonly partition_id?: number
  readonly key?: string
  readonly value: RecordValue
  readonly headers?: readonly RecordHeader[]
}

export interface StoredRecord {
  readonly partition_id: number
  /** Dense within the partition, from 0. */
  readonly offset: number
  /** RFC 3339, UTC. */
  readonly timestamp: string
  readonly key: string | null
  readonly value: RecordValue
  readonly headers: readonly RecordHeader[]
}

export interface Topic {
  readonly topic_name: string
  readonly partitions_count: number
  readonly replication_factor: number
  readonly configs: Readonly<Record<string, string>>
}

export interface TopicChange {
  readonly partitions_count?: number
  readonly configs?: Readonly<Record<string, string>>
}

export interface RecordPlace {
  readonly partition_id: number
  readonly offset: number
}

export interface RecordPage {
  readonly records: readonly StoredRecord[]
  /** Where to read on. */
  readonly nextOffset: number
}

export interface PageOfRecords {
  readonly partition_id: number
  readonly offset: number
  readonly limit: number
  /** A page ends before its records, as JSON, are more bytes than this; one record always fits. */
  readonly bytesMax: number
}

/**
 * Where topics and records are. An implementer MUST have made a change durable when its promise resolves, and MUST do all or
 * nothing of it. All but `has` throw a PopError: `resource-not-found` for a topic that is not there, `resource-exists` for one
 * that is, `conflict` and `parameter-invalid` for partitions that do not fit, `body-invalid` for configs that would become too
 * large (`refuseLargeConfigs`).
 */
export interface TopicDriver {
  readonly has: (name: string) => Promise<boolean>
  readonly create: (topic: Topic) => Promise<Topic>
  readonly get: (name: string) => Promise<Topic>
  readonly change: (name: string, change: TopicChange) => Promise<Topic>
  readonly remove: (name: string) => Promise<void>
  /** Appends all records; the places are in the order of the records. */
  readonly append: (name: string, records: readonly NewRecord[]) => Promise<readonly RecordPlace[]>
  readonly read: (name: string, page: PageOfRecords) => Promise<RecordPage>
  readonly [Symbol.dispose]: () => void
}
