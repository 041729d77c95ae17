import { createHash, type Hash } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { clientOf, signIn } from '../tests/e2e/client.ts'
import { startSupervised, type Supervised } from '../tests/e2e/supervised.ts'
import { contentFrom } from './content.ts'
import { readAll, send } from './object-client.ts'
import { tell, type Figures } from './proof.ts'

const growthMiBMax = 64
const warmUpBytes = 200_000_000
const measured = ['gateway', 's3_service'] as const

/**
 * A large object up, down and in a range, through gateway and module as processes: identical, and neither of them grows by 64 MiB
 * or more beside what it had after one warm-up transfer.
 */
export async function proveLargeObject(bytes: number): Promise<Figures> {
  await using pop = await startSupervised()
  const token = String((await signIn(pop, 'bob')).body['access_token'])
  const { status } = await clientOf(pop).call(token, 'PUT', '/v1/s3/buckets/large')
  if (status !== 201) throw new Error(`The bucket was not made: ${status}.`)
  await transfer(pop, token, 'warm-up', Math.min(bytes, warmUpBytes))
  using memory = watchMemory(pop)
  const startedMs = performance.now()
  const identical = await transfer(pop, token, 'object', bytes)
  const part = await sameRange(pop, token, bytes)
  const seconds = (performance.now() - startedMs) / 1000
  const growth = memory.growthMiB()
  const met = identical && part && Object.values(growth).every((mebibytes) => mebibytes < growthMiBMax)
  const megabytesPerSecond = Math.round((2 * bytes) / 1e6 / seconds)
  return { met, bytes, identical, range_identical: part, megabytes_per_second: megabytesPerSecond, ...grown(growth) }
}

async function transfer(pop: Supervised, token: string, key: string, bytes: number): Promise<boolean> {
  const sent = createHash('sha256')
  const path = `/v1/s3/buckets/large/objects/${key}`
  const pieces = counted(contentFrom(0, bytes), bytes, `${key} up`, sent)
  const put = await send(pop, token, 'PUT', path, { lengthBytes: bytes, pieces })
  await readAll(put, () => undefined)
  if (put.status !== 201) throw new Error(`The upload was answered with ${put.status}.`)
  const got = createHash('sha256')
  const get = await send(pop, token, 'GET', path)
  const told = progress(bytes, `${key} down`)
  await readAll(get, (piece) => {
    got.update(piece)
    told(piece.length)
  })
  return get.status === 200 && got.digest('hex') === sent.digest('hex')
}

/** A megabyte in the middle, from no round place. */
async function sameRange(pop: Supervised, token: string, bytes: number): Promise<boolean> {
  const start = Math.floor(bytes / 2 / 16) * 16
  const length = Math.min(1_000_003, bytes - start)
  const range = `bytes=${start}-${start + length - 1}`
  const answer = await send(pop, token, 'GET', '/v1/s3/buckets/large/objects/object', undefined, { range })
  const [wanted, got] = [createHash('sha256'), createHash('sha256')]
  for await (const piece of contentFrom(start, length)) wanted.update(piece)
  await readAll(answer, (piece) => void got.update(piece))
  return answer.status === 206 && got.digest('hex') === wanted.digest('hex')
}

async function* counted(
  pieces: AsyncIterable<Buffer>,
  bytes: number,
  what: string,
  hash: Hash,
): AsyncGenerator<Buffer> {
  const told = progress(bytes, what)
  for await (const piece of pieces) {
    hash.update(piece)
    yield piece
    told(piece.length)
  }
}

/** Tells each tenth. */
function progress(bytes: number, what: string): (more: number) => void {
  let done = 0
  let tenths = 0
  return (more) => {
    done += more
    const now = Math.floor((done * 10) / bytes)
    if (now > tenths) tell(`${what}: ${now * 10} %`)
    tenths = now
  }
}

function watchMemory(pop: Supervised) {
  const pids = new Map(measured.map((name) => [name, pop.run().processes[name]?.pid ?? 0]))
  const before = new Map(measured.map((name) => [name, residentMiB(pids.get(name) ?? 0)]))
  const most = new Map(before)
  const timer = setInterval(() => {
    for (const [name, pid] of pids) most.set(name, Math.max(most.get(name) ?? 0, residentMiB(pid)))
  }, 50)
  return {
    growthMiB: () =>
      Object.fromEntries(measured.map((name) => [name, (most.get(name) ?? 0) - (before.get(name) ?? 0)])),
    [Symbol.dispose]: () => clearInterval(timer),
  }
}

function grown(growth: Readonly<Record<string, number>>): Record<string, number> {
  return Object.fromEntries(
    Object.entries(growth).map(([name, mebibytes]) => [`${name}_growth_mib`, Math.round(mebibytes)]),
  )
}

/** proc(5). */
function residentMiB(pid: number): number {
  const [, kibibytes] = /^VmRSS:\s+(\d+) kB$/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8')) ?? []
  return Number(kibibytes) / 1024
}
