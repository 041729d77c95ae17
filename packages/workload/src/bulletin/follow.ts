import { createInterface } from 'node:readline'
import { join } from 'node:path'
import { readSecretFile, writeSecretFile } from '@pop-api/keyring'
import { parseSpiffeId, parseStrictJson, type KeyRecord } from '@pop-api/protocol'
import { backoffMs } from '../http/backoff.ts'
import { openStream } from '../http/exchange.ts'
import { pause } from '../http/wait.ts'
import { meshClientOptions, type MeshMember } from '../mesh/tls.ts'
import { WorkloadError } from '../workload-error.ts'
import { createBulletinLedger, type BulletinLedger } from './ledger.ts'

export interface FollowOptions {
  readonly member: MeshMember
  /** Address of the control listener. */
  readonly control: string
  readonly domain: string
  /** `gateways` or `module:<name>`. */
  readonly audience: string
  /** Pinned at enrolment. */
  readonly key: KeyRecord
  /** Folder of the process: the last bulletin is kept in its file `snapshot`. */
  readonly home: string
  readonly random: () => number
  /** Told why a connection ended; the follower goes on by itself. */
  readonly interrupted: (reason: unknown) => void
}

export interface BulletinFollower {
  readonly ledger: BulletinLedger
  /** Resolves with the first bulletin, be it the one that was kept. */
  readonly ready: Promise<void>
  readonly [Symbol.asyncDispose]: () => Promise<void>
}

/** Control sends a heartbeat each second. */
const silenceMs = 5000
/** Above this many kept changes a new snapshot is asked for. */
const textsMax = 64
const snapshotBytesMax = 64 * 1024 * 1024

/** Follows the bulletin until it is disposed, from the one that was kept on disk and through every restart of control. */
export async function followBulletin(options: FollowOptions): Promise<BulletinFollower> {
  const ledger = createBulletinLedger(options.key, options.audience)
  await restore(ledger, options)
  const { promise: ready, resolve } = Promise.withResolvers<void>()
  if (ledger.position() !== undefined) resolve()
  const stop = new AbortController()
  const running = run(ledger, options, resolve, stop.signal)
  return {
    ledger,
    ready,
    async [Symbol.asyncDispose]() {
      stop.abort()
      await running
    },
  }
}

async function run(
  ledger: BulletinLedger,
  options: FollowOptions,
  ready: () => void,
  signal: AbortSignal,
): Promise<void> {
  for (let attempt = 0; !signal.aborted; attempt++) {
    const progressed = (): void => {
      // A stream that brings something new is a good one: the next pause is the shortest again.
      attempt = 0
      ready()
    }
    try {
      await readStream(ledger, options, progressed, signal)
    } catch (error) {
      if (!signal.aborted) options.interrupted(error)
    }
    await pause(backoffMs(attempt, options.random, { firstMs: 100, mostMs: 5000 }), signal)
  }
}

async function readStream(
  ledger: BulletinLedger,
  options: FollowOptions,
  progressed: () => void,
  signal: AbortSignal,
): Promise<void> {
  const position = ledger.texts().length > textsMax ? undefined : ledger.position()
  const after = position === undefined ? '' : `?after=${position.epoch}.${position.sequence}`
  const tls = meshClientOptions(options.member, (peer) => isControl(peer, options.domain))
  const answer = await openStream(
    { method: 'GET', url: `${options.control}/bulletin/changes${after}`, tls, signal },
    silenceMs,
  )
  for await (const line of createInterface({ input: answer })) {
    if (!line.startsWith('data: ')) continue
    const outcome = ledger.apply(line.slice('data: '.length))
    if (outcome === 'gap')
      throw new WorkloadError('bulletin-refused', 'A change of the bulletin was missed: a new snapshot is needed.')
    if (outcome === 'old') continue
    if (outcome === 'applied') await keep(ledger, options)
    progressed()
  }
}

function isControl(peer: string, domain: string): boolean {
  const id = parseSpiffeId(peer)
  return id?.kind === 'control' && id.domain === domain
}

async function keep(ledger: BulletinLedger, { home }: FollowOptions): Promise<void> {
  await writeSecretFile(join(home, 'snapshot'), JSON.stringify(ledger.texts()))
}

/** A kept bulletin is verified as one that arrives: a file that somebody changed is refused, and reported. */
async function restore(ledger: BulletinLedger, { home, interrupted }: FollowOptions): Promise<void> {
  const content = await readSecretFile(join(home, 'snapshot'), snapshotBytesMax)
  if (content === undefined) return
  try {
    const parsed = parseStrictJson(content.toString('utf8'))
    if (!parsed.ok || !Array.isArray(parsed.value))
      throw new WorkloadError('bulletin-refused', 'The kept bulletin cannot be read.')
    for (const text of parsed.value) ledger.apply(String(text))
  } catch (error) {
    interrupted(error)
  }
}
