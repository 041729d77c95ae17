import { randomBytes } from 'node:crypto'
import { readdir } from 'node:fs/promises'
import { join } from 'node:path'
import { PopError } from '@pop-api/module'
import { contentOf, openStore, putBytes } from './test-store.ts'

// Runs where no file can become larger than 1 MiB, and tells what became of puts that fit and of one that does not.
const store = await openStore(undefined, process.argv[2])

async function outcome(key: string, bytes: Buffer): Promise<string> {
  try {
    await putBytes(store, key, bytes)
    return (await contentOf(store, key)).equals(bytes) ? 'kept' : 'changed'
  } catch (failure) {
    return failure instanceof PopError ? failure.code : String(failure)
  }
}

const small = await outcome('small', randomBytes(100_000))
const large = await outcome('large', randomBytes(3_000_000))
const files = (await readdir(join(store.home, 'objects'))).length
const after = await outcome('after', randomBytes(100_000))
const { objects } = await store.driver.bucket('box')
process.stdout.write(JSON.stringify({ large, files, small, after, objects }))
