import { readSecretFile, writeSecretFile } from '@pop-api/keyring'
import {
  isJsonObject,
  parseStrictJson,
  verifyBulletin,
  type BulletinChange,
  type BulletinSnapshot,
  type KeyRecord,
} from '@pop-api/protocol'
import { WorkloadError } from '../workload-error.ts'
import { comparePositions } from './order.ts'
import { viewAfter, viewOfSnapshot, type Proved, type View } from './view.ts'

/** Whose bulletin it must be: the pinned key of control, and the audience of this follower. */
export interface BulletinTrust {
  readonly key: KeyRecord
  readonly audience: string
}

/** Writes the signed messages of a view, whole or not at all. */
export async function writeView(path: string, view: View): Promise<void> {
  const changes = [...view.changes.values()].map(({ jws }) => jws)
  const file = { version: 1, snapshot: view.snapshot.jws, changes, heartbeat: view.heartbeat?.jws ?? null }
  await writeSecretFile(path, JSON.stringify(file))
}

/**
 * Reads a view back and verifies every signature in it again: the file is only a place to keep what control signed. Undefined
 * when there is none. Throws `bulletin-refused` for one that does not verify.
 */
export async function readView(path: string, trust: BulletinTrust): Promise<View | undefined> {
  const content = await readSecretFile(path)
  if (content === undefined) return undefined
  const parsed = parseStrictJson(content.toString('utf8'))
  const { snapshot, changes, heartbeat } = parsed.ok && isJsonObject(parsed.value) ? parsed.value : {}
  if (typeof snapshot !== 'string' || !Array.isArray(changes)) {
    throw new WorkloadError('bulletin-refused', `${path} is not a kept bulletin.`)
  }
  const start = viewOfSnapshot(proveSnapshot(snapshot, trust))
  const texts: unknown[] = heartbeat === null ? changes : [...changes, heartbeat]
  const later = texts.map((jws) => proveChange(String(jws), trust))
  later.sort((one, other) => comparePositions(one.claims, other.claims) || one.claims.issued - other.claims.issued)
  return later.reduce(
    (view, change) => (change.claims.epoch === view.applied.epoch ? viewAfter(view, change) : view),
    start,
  )
}

/** A snapshot for this follower, or `bulletin-refused`. Untrusted input. */
export function proveSnapshot(jws: string, trust: BulletinTrust): Proved<BulletinSnapshot> {
  const claims = prove(jws, trust)
  if ('sections' in claims) return { claims, jws }
  throw new WorkloadError('bulletin-refused', 'A change stands where the snapshot of the bulletin was expected.')
}

/** A change or a heartbeat for this follower, or `bulletin-refused`. Untrusted input. */
export function proveChange(jws: string, trust: BulletinTrust): Proved<BulletinChange> {
  const claims = prove(jws, trust)
  if (!('sections' in claims)) return { claims, jws }
  throw new WorkloadError('bulletin-refused', 'A snapshot stands where a change of the bulletin was expected.')
}

function prove(jws: string, { key, audience }: BulletinTrust): BulletinSnapshot | BulletinChange {
  const verdict = verifyBulletin(jws, key, { audience })
  if (!verdict.ok) throw new WorkloadError('bulletin-refused', verdict.detail)
  return verdict.value
}
