import { controlActions } from '@pop-api/audit'
import type { ControlEvent } from '../record/control-log.ts'
import { textOf, type Store } from '../store/store.ts'

/** The manifests of a module that are pinned and that wait, by their digests. */
export interface PinnedDigests {
  readonly active: string | undefined
  readonly pending: string | undefined
}

export function pinnedDigests({ database }: Store, name: string): PinnedDigests {
  const row = database.prepare('select digest, pending_digest from modules where name = ?').get(name)
  return { active: textOf(row?.['digest']), pending: textOf(row?.['pending_digest']) }
}

/** The event of a manifest that was pinned, or that waits for approval from now on; undefined where nothing changed. */
export function pinEvent(name: string, before: PinnedDigests, after: PinnedDigests): ControlEvent | undefined {
  const event = { action: controlActions.pin, user: name, subject: `module:${name}`, resource_id: name }
  if (after.active !== before.active) return { ...event, status: 'success', reason: `in force: ${after.active}` }
  if (after.pending === undefined || after.pending === before.pending) return undefined
  return { ...event, status: 'refused', reason: `waits for: pop module approve ${name}; digest ${after.pending}` }
}
