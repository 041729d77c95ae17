import type { ObjectInfo } from './object-driver.ts'

/** An object as the book has it: with the file and the version that are its present ones. */
export interface BookedObject extends ObjectInfo {
  readonly file: string
  readonly version: number
  readonly dataKeyId: string
}

/** Reads a row of `object`. */
export function bookedObject(row: Readonly<Record<string, unknown>>): BookedObject {
  return {
    key: String(row['key']),
    version: Number(row['version']),
    file: String(row['file']),
    dataKeyId: String(row['data_key_id']),
    bytes: Number(row['bytes']),
    etag: String(row['etag']),
    contentType: String(row['content_type']),
    modifiedMs: Number(row['modified_ms']),
  }
}
