import { createHash, randomBytes, randomInt } from 'node:crypto'
import { setTimeout as pause } from 'node:timers/promises'
import { clientOf } from '../tests/e2e/client.ts'
import type { Supervised } from '../tests/e2e/supervised.ts'
import { readAll, send } from './object-client.ts'

/** Clients that write and read, and note what was acknowledged to them. */
export interface Load {
  /** Numbers of the records whose append was answered with 200. */
  readonly records: readonly number[]
  /** Key → the ETags that an object may have: that of the last put that was acknowledged, and of those since, which may have happened. */
  readonly objects: ReadonlyMap<string, readonly string[]>
  /** Resolves once one more record and one more object were acknowledged. */
  /** How many puts were acknowledged in all. */
  readonly puts: () => number
  readonly goesOn: () => Promise<void>
  readonly stop: () => Promise<void>
}

/** Most objects are small, so that many are acknowledged; one in eight takes long enough to be cut in the middle. */
const sizes = [1, 100, 5_000, 65_536, 70_000, 100_000, 300_000, 3_000_000]
const keys = 40

/** Starts one that appends records, two that put objects of many sizes, and one that reads. */
export function startLoad(pop: Supervised, token: string): Load {
  const stop = new AbortController()
  const records: number[] = []
  const objects = new Map<string, readonly string[]>()
  const puts: string[] = []
  const repeat = async (work: () => Promise<boolean>): Promise<void> => {
    while (!stop.signal.aborted) {
      // A connection that was refused or cut is what is being proven: that call simply is not acknowledged.
      const done = await work().catch(() => false)
      if (!done) await pause(10)
    }
  }
  let number = 0
  const append = async (): Promise<boolean> => {
    const value = { type: 'JSON', data: number++ }
    const body = { records: [{ value }] }
    const { status } = await clientOf(pop).call(token, 'POST', '/v1/kafka/topics/crash/records', body)
    if (status === 200) records.push(value.data)
    return status === 200
  }
  const put = (name: string) => async (): Promise<boolean> => {
    const key = `${name}/${randomInt(keys)}`
    const content = randomBytes(randomInt(sizes[randomInt(sizes.length)] ?? 1))
    const etag = `"${createHash('sha256').update(content).digest('base64url')}"`
    // From here on the one before may be there or this one, until this one is acknowledged.
    const before = objects.get(key)
    if (before !== undefined) objects.set(key, [...before, etag])
    const body = { lengthBytes: content.length, pieces: piecesOf(content) }
    const answer = await send(pop, token, 'PUT', `/v1/s3/buckets/crash/objects/${key}`, body)
    await readAll(answer, () => undefined)
    if (answer.status !== 200 && answer.status !== 201) return false
    objects.set(key, [etag])
    puts.push(key)
    return true
  }
  const read = async (): Promise<boolean> => {
    const answer = await send(pop, token, 'GET', `/v1/s3/buckets/crash/objects/a/${randomInt(keys)}`)
    await readAll(answer, () => undefined)
    await pause(5)
    return answer.status < 500
  }
  const working = Promise.all([repeat(append), repeat(put('a')), repeat(put('b')), repeat(read)])
  return {
    records,
    objects,
    puts: () => puts.length,
    goesOn: async () => {
      const [recordsBefore, putsBefore] = [records.length, puts.length]
      while (records.length === recordsBefore || puts.length === putsBefore) await pause(5)
    },
    stop: async () => {
      stop.abort()
      await working
    },
  }
}

async function* piecesOf(content: Buffer): AsyncGenerator<Buffer> {
  for (let at = 0; at < content.length; at += 65_536) yield content.subarray(at, at + 65_536)
}
