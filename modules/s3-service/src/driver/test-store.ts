import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { openFileWrapper } from '@pop-api/keyring'
import { openFileDriver } from './file-driver.ts'
import type { Quota } from './object-book.ts'
import type { ByteRange, ObjectDriver, Put } from './object-driver.ts'

/** The driver over a folder of its own, with a bucket `box` of bob. For tests. */
export interface Store {
  readonly home: string
  readonly driver: ObjectDriver
  /** A file that no entry of the book names. */
  readonly orphan: (name: string) => Promise<void>
  readonly [Symbol.asyncDispose]: () => Promise<void>
}

export const plenty: Quota = { bucketsPerOwnerMax: 2 ** 20, bytesPerOwnerMax: 2 ** 40, objectsPerOwnerMax: 2 ** 20 }

export async function openStore(quota: Quota = plenty, home?: string): Promise<Store> {
  const folder = home ?? (await mkdtemp(join(tmpdir(), 'pop-s3-')))
  await mkdir(join(folder, 'keys'), { recursive: true, mode: 0o700 })
  const keys = await openFileWrapper(join(folder, 'keys', 'objects.json'))
  const driver = await openFileDriver({ home: folder, keys, quota, nowMs: Date.now, onFault: reportFault })
  if (!(await driver.hasBucket('box'))) await driver.createBucket('box', 'user:bob')
  return {
    home: folder,
    driver,
    orphan: (name) => writeFile(join(folder, 'objects', name), 'left behind'),
    [Symbol.asyncDispose]: async () => {
      await driver[Symbol.asyncDispose]()
      await rm(folder, { recursive: true })
    },
  }
}

/** Puts bytes into the bucket `box`, in pieces of an odd size. */
export function putBytes({ driver }: Store, key: string, bytes: Buffer, change: Partial<Put> = {}) {
  async function* pieces(): AsyncGenerator<Uint8Array> {
    for (let at = 0; at < bytes.length; at += 30_011) yield bytes.subarray(at, at + 30_011)
  }
  return driver.put({
    bucket: 'box',
    owner: change.bucket === 'other' ? 'user:carol' : 'user:bob',
    key,
    contentType: 'text/plain',
    lengthBytes: bytes.length,
    bytes: pieces(),
    verified: Promise.resolve('complete'),
    precondition: () => undefined,
    ...change,
  })
}

/** Reads an object of the bucket `box`, whole unless told. */
export async function contentOf({ driver }: Store, key: string, range?: ByteRange): Promise<Buffer> {
  const open = await driver.open('box', key)
  return Buffer.concat(await Array.fromAsync(open.read(range ?? { from: 0, to: open.info.bytes })))
}

function reportFault(fault: unknown): void {
  process.stderr.write(`${String(fault)}\n`)
}
