/** What the book knows of an object that is there. */
export interface ObjectInfo {
  readonly key: string
  readonly bytes: number
  /** Strong, with its quotes: the digest of the content. */
  readonly etag: string
  readonly contentType: string
  /** Milliseconds since 1970. */
  readonly modifiedMs: number
}

/** Throws a PopError where what is there is not what the caller wants to act on; called within the transaction that acts. */
export type Precondition = (present: ObjectInfo | undefined) => void

export interface Put {
  readonly bucket: string
  /** Of the bucket that the request was admitted to. */
  readonly owner: string
  readonly key: string
  readonly contentType: string
  /** Undefined where the client gave none. */
  readonly lengthBytes: number | undefined
  readonly bytes: AsyncIterable<Uint8Array>
  /** Nothing is kept unless this is `complete`. */
  readonly verified: Promise<'complete' | 'partial'>
  readonly precondition: Precondition
}

/** A part of an object: from the first byte, up to and without the last. */
export interface ByteRange {
  readonly from: number
  readonly to: number
}

/** An object that is held open: it is read to its end, whatever happens to its key meanwhile. */
export interface OpenObject {
  readonly info: ObjectInfo
  /** Once; closes the object at its end. Throws `object-damaged` before a byte is given that does not verify. */
  readonly read: (range: ByteRange) => AsyncIterable<Uint8Array>
  readonly [Symbol.asyncDispose]: () => Promise<void>
}

export interface ListWanted {
  readonly bucket: string
  readonly prefix: string
  /** Keys that go on behind it are told as one common prefix; the empty text for none. */
  readonly delimiter: string
  /** What the page before ended with. */
  readonly after: ListPlace | undefined
  /** Objects and common prefixes together. */
  readonly limit: number
}

/** Where a list goes on: behind a key, or behind all keys with a prefix. */
export type ListPlace =
  | { readonly kind: 'key'; readonly text: string }
  | { readonly kind: 'prefix'; readonly text: string }

export interface Listing {
  readonly objects: readonly ObjectInfo[]
  readonly prefixes: readonly string[]
  readonly next: ListPlace | undefined
}

export interface BucketInfo {
  readonly name: string
  readonly objects: number
  readonly bytes: number
  readonly createdMs: number
}

/**
 * Buckets and their objects. An implementer MUST make an object visible whole or not at all, and only after `verified`; MUST
 * detect on reading what was changed at rest; and MUST refuse a put whose bucket was deleted meanwhile, also when another of its
 * name is there by then. Unknown buckets and objects are `resource-not-found`.
 */
export interface ObjectDriver {
  readonly hasBucket: (name: string) => Promise<boolean>
  /** Throws `quota-exceeded` for an owner who has enough of them. */
  readonly createBucket: (name: string, owner: string) => Promise<void>
  readonly bucket: (name: string) => Promise<BucketInfo>
  /** Throws `conflict` while there are objects in it. */
  readonly removeBucket: (name: string) => Promise<void>
  /** Throws `quota-exceeded`, `storage-full`, `malformed-request` for a body that broke off, and what the precondition throws. */
  readonly put: (put: Put) => Promise<{ readonly info: ObjectInfo; readonly created: boolean }>
  readonly find: (bucket: string, key: string) => Promise<ObjectInfo>
  readonly open: (bucket: string, key: string) => Promise<OpenObject>
  readonly remove: (bucket: string, key: string, precondition: Precondition) => Promise<void>
  readonly list: (wanted: ListWanted) => Promise<Listing>
  readonly [Symbol.asyncDispose]: () => Promise<void>
}
