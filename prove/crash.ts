import { createHash, randomInt } from 'node:crypto'
import { readdir } from 'node:fs/promises'
import { join } from 'node:path'
import { setTimeout as pause } from 'node:timers/promises'
import { clientOf, signIn } from '../tests/e2e/client.ts'
import { startSupervised, type Supervised } from '../tests/e2e/supervised.ts'
import { isAlive } from '../tests/e2e/up-world.ts'
import { startLoad, type Load } from './mixed-load.ts'
import { readAll, send } from './object-client.ts'
import { tell, type Figures } from './proof.ts'

const readyMsMax = 5_000
const victims = ['control', 'identity', 'kafka_service', 's3_service', 'gateway', 'supervisor'] as const

/**
 * Kills each process in turn with SIGKILL at random points under mixed load, and then counts: nothing that was acknowledged may be
 * missing or changed, no object half there, no file of an object that no entry names, and after each kill it takes writes of both
 * modules again within five seconds.
 */
export async function proveCrash(kills: number): Promise<Figures> {
  await using pop = await startSupervised()
  const token = String((await signIn(pop, 'bob')).body['access_token'])
  const { call } = clientOf(pop)
  const topic = await call(token, 'POST', '/v1/kafka/topics', { topic_name: 'crash' })
  const bucket = await call(token, 'PUT', '/v1/s3/buckets/crash')
  if (topic.status !== 201 || bucket.status !== 201) throw new Error('Topic and bucket could not be made.')
  const load = startLoad(pop, token)
  await load.goesOn()
  const readyMs: number[] = []
  for (let count = 0; count < kills; count++) {
    const victim = victims[count % victims.length] ?? 'gateway'
    await pause(randomInt(20, 600))
    const ms = await killAndWait(pop, victim, load)
    readyMs.push(ms)
    tell(`kill ${count + 1} of ${kills}: ${victim}, writes again after ${ms.toFixed(0)} ms`)
  }
  await load.stop()
  const found = await countLosses(pop, token, load)
  const slowest = Math.round(Math.max(...readyMs))
  const met =
    found.lost_records + found.repeated_records + found.lost_objects + found.damaged_objects + found.orphans === 0
  return { met: met && slowest <= readyMsMax, kills, ...found, slowest_ready_ms: slowest }
}

async function killAndWait(pop: Supervised, victim: (typeof victims)[number], load: Load): Promise<number> {
  const startedMs = performance.now()
  if (victim === 'supervisor') {
    const { processes } = pop.run()
    await pop.kill()
    for (const { pid } of Object.values(processes)) while (isAlive(pid)) await pause(5)
    await pop.start()
  } else {
    const pid = pop.run().processes[victim]?.pid ?? 0
    process.kill(pid, 'SIGKILL')
    while (isAlive(pid)) await pause(2)
  }
  await load.goesOn()
  return performance.now() - startedMs
}

async function countLosses(pop: Supervised, token: string, { records, objects, puts }: Load) {
  tell('reading everything back')
  const times = new Map<number, number>()
  for (const number of await allRecords(pop, token)) times.set(number, (times.get(number) ?? 0) + 1)
  const present = await allObjects(pop, token)
  let damaged = 0
  for (const [key, etag] of present) {
    const hash = createHash('sha256')
    const answer = await send(pop, token, 'GET', `/v1/s3/buckets/crash/objects/${key}`)
    await readAll(answer, (piece) => void hash.update(piece))
    if (answer.status !== 200 || `"${hash.digest('base64url')}"` !== etag) damaged++
  }
  const files = await readdir(join(pop.home, 's3_service', 'objects'))
  return {
    acknowledged_records: records.length,
    lost_records: records.filter((number) => !times.has(number)).length,
    // A record whose answer was lost is sent by nobody again: twice it would be the system's doing.
    repeated_records: [...times.values()].filter((count) => count > 1).length,
    acknowledged_puts: puts(),
    acknowledged_objects: objects.size,
    lost_objects: [...objects].filter(([key, etags]) => !etags.includes(present.get(key) ?? '')).length,
    damaged_objects: damaged,
    orphans: files.length - present.size,
  }
}

async function allRecords(pop: Supervised, token: string): Promise<number[]> {
  const found: number[] = []
  for (let offset = 0; ;) {
    const path = `/v1/kafka/topics/crash/records?partition_id=0&offset=${offset}&limit=500`
    const { status, body } = await callOnceServed(pop, token, path)
    const data = body['data']
    if (status !== 200 || !Array.isArray(data)) throw new Error(`The records cannot be read: ${status}.`)
    if (data.length === 0) return found
    found.push(...data.map((record) => record.value.data))
    offset = Number(body['next_offset'])
  }
}

/** The last kill may be a moment ago: what it hit is still starting. */
async function callOnceServed(pop: Supervised, token: string, path: string) {
  for (const startedMs = performance.now(); ;) {
    const answer = await clientOf(pop).call(token, 'GET', path)
    if (answer.status !== 503 || performance.now() - startedMs > 10_000) return answer
    await pause(50)
  }
}

/** Key → ETag of every object that can be seen. */
async function allObjects(pop: Supervised, accessToken: string): Promise<Map<string, string>> {
  const found = new Map<string, string>()
  for (let more = ''; ;) {
    const { status, body } = await callOnceServed(pop, accessToken, `/v1/s3/buckets/crash/objects${more}`)
    const data = body['data']
    if (status !== 200 || !Array.isArray(data)) throw new Error(`The objects cannot be listed: ${status}.`)
    for (const { key, etag } of data) found.set(key, etag)
    const { next_page_token: token } = body
    if (typeof token !== 'string') return found
    more = `?page_token=${token}`
  }
}
