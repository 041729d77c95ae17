import { PopError } from '@pop-api/protocol'
import { textOf, type Store } from '../store/store.ts'

/** Who asks over TLS: the name in its certificate, and SHA-256 (hex) of the SubjectPublicKeyInfo that the certificate is for. */
export interface Holder {
  readonly spiffeId: string
  readonly keySha256: string
}

/** Lists a workload under its name with the mesh key of this enrolment: whoever holds another key is nobody from now on. */
export function putHolder(
  { database }: Store,
  { spiffeId, keySha256 }: Holder,
  { kind, name }: { readonly kind: string; readonly name: string },
  nowMs: number,
): void {
  database
    .prepare('insert or replace into workloads (spiffe_id, kind, name, enrolled_ms, mesh_key) values (?, ?, ?, ?, ?)')
    .run(spiffeId, kind, name, nowMs, keySha256)
}

/**
 * Throws `workload-refused` unless the workload is enrolled here and this is the key of its last enrolment. A certificate of an
 * earlier enrolment still verifies until it ends, so this is what tells a workload from whoever has what its lost host had.
 */
export function requireHolder({ database }: Store, { spiffeId, keySha256 }: Holder): void {
  const row = database.prepare('select mesh_key from workloads where spiffe_id = ?').get(spiffeId)
  if (row === undefined) throw new PopError('workload-refused', 'This workload is not enrolled here.')
  const key = textOf(row['mesh_key'])
  if (key === undefined) {
    // Stores of the first version did not keep the key. The one shown first counts then: nobody could tell two holders apart.
    database.prepare('update workloads set mesh_key = ? where spiffe_id = ?').run(keySha256, spiffeId)
    return
  }
  if (key !== keySha256) {
    throw new PopError('workload-refused', 'This workload was enrolled again with another key; enrol with a new token.')
  }
}
