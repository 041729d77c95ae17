import {
  basesOverlap,
  compileValidator,
  isJsonObject,
  manifestDigest,
  parseManifest,
  PopError,
  type Manifest,
  type ModuleEntry,
} from '@pop-api/protocol'
import { requiredText, textOf, type Store } from '../store/store.ts'
import { pinOf } from './pin.ts'

/** Whether a manifest is in force, or waits for `pop module approve`. */
export type ManifestState = 'active' | 'pending'

/**
 * Takes the manifest that a module shows. The first one is pinned; a later one is in force at once if nothing that is pinned
 * changed or if `approve` says so, else it waits. Throws `manifest-invalid`, also for another name than the module's, for a base
 * that overlaps another module's, and for schemas that no gateway could compile. Untrusted input.
 */
export function takeManifest(store: Store, name: string, document: unknown, approve: boolean): ManifestState {
  const manifest = readManifest(document)
  if (manifest.name !== name) {
    throw new PopError('manifest-invalid', `The manifest is of ${manifest.name}, the credential of ${name}.`)
  }
  refuseOverlap(store, name, manifest.base)
  const digest = manifestDigest(manifest.document)
  const row = store.database.prepare('select manifest, digest from modules where name = ?').get(name)
  const text = JSON.stringify(manifest.document)
  if (row === undefined) {
    const insert = 'insert into modules (name, base, manifest, digest) values (?, ?, ?, ?)'
    store.database.prepare(insert).run(name, manifest.base, text, digest)
    return 'active'
  }
  if (requiredText(row['digest']) === digest) {
    store.database.prepare('update modules set pending = null, pending_digest = null where name = ?').run(name)
    return 'active'
  }
  if (approve || pinOfStored(requiredText(row['manifest'])) === pinOf(manifest)) {
    putInForce(store, name, manifest.base, text, digest)
    return 'active'
  }
  store.database.prepare('update modules set pending = ?, pending_digest = ? where name = ?').run(text, digest, name)
  return 'pending'
}

/** Puts the manifest that waits in force; false when none waits. Throws `manifest-invalid` if its base was taken meanwhile. */
export function approveManifest(store: Store, name: string): boolean {
  const row = store.database.prepare('select pending, pending_digest from modules where name = ?').get(name)
  const pending = textOf(row?.['pending'])
  if (row === undefined || pending === undefined) return false
  const { base } = readManifest(JSON.parse(pending))
  refuseOverlap(store, name, base)
  putInForce(store, name, base, pending, requiredText(row['pending_digest']))
  return true
}

/** The modules section: each manifest in force, with the instances that serve exactly that one. */
export function moduleEntries({ database }: Store): Readonly<Record<string, ModuleEntry>> {
  const rows = database.prepare('select name, manifest, digest from modules order by name').all()
  const select = 'select spiffe_id, address, boot from instances where module = ? and digest = ? order by spiffe_id'
  const instances = database.prepare(select)
  return Object.fromEntries(
    rows.map((row) => {
      const name = requiredText(row['name'])
      const digest = requiredText(row['digest'])
      const manifest: unknown = JSON.parse(requiredText(row['manifest']))
      if (!isJsonObject(manifest)) throw new Error(`The stored manifest of ${name} is not an object.`)
      const listed = instances.all(name, digest).map((instance) => ({
        spiffe_id: requiredText(instance['spiffe_id']),
        address: requiredText(instance['address']),
        boot: requiredText(instance['boot']),
      }))
      return [name, { name, manifest, manifest_digest: digest, instances: listed }]
    }),
  )
}

/** A manifest that every gateway can work with: one that cannot be compiled would keep all of them from every later change. */
function readManifest(document: unknown): Manifest {
  const manifest = parseManifest(document)
  const faults = manifest.operations.flatMap((operation) => {
    try {
      compileValidator(operation, manifest.document)
      return []
    } catch (error) {
      return [`${operation.id}: ${error instanceof Error ? error.message : String(error)}`]
    }
  })
  if (faults.length === 0) return manifest
  const named = faults.slice(0, 20).join('; ')
  throw new PopError('manifest-invalid', `The schemas of ${faults.length} operation(s) do not compile: ${named}.`)
}

/** Undefined for a manifest that an earlier version took and this one refuses: whatever replaces it waits for approval. */
function pinOfStored(text: string): string | undefined {
  try {
    return pinOf(parseManifest(JSON.parse(text)))
  } catch (error) {
    if (error instanceof PopError && error.code === 'manifest-invalid') return undefined
    throw error
  }
}

function putInForce({ database }: Store, name: string, base: string, manifest: string, digest: string): void {
  const update =
    'update modules set base = ?, manifest = ?, digest = ?, pending = null, pending_digest = null where name = ?'
  database.prepare(update).run(base, manifest, digest, name)
}

function refuseOverlap({ database }: Store, name: string, base: string): void {
  for (const row of database.prepare('select base from modules where name <> ?').all(name)) {
    if (!basesOverlap(base, requiredText(row['base']))) continue
    // Which other modules there are is nothing that a module may find out by trying bases.
    throw new PopError('manifest-invalid', `The base ${base} is taken: choose another.`)
  }
}
