import { controlActions } from '@pop-api/audit'
import type { PolicySection } from '@pop-api/protocol'
import type { GatewaySettings } from '@pop-api/settings'
import type { Publisher } from '../bulletin/bulletin.ts'
import type { FaultListener } from '../listener/answer-problem.ts'
import type { ControlLog } from '../record/control-log.ts'
import type { Store } from '../store/store.ts'
import { dropInvalidOverlay, putFact, putSettingsOfFile } from './settings-desk.ts'

/** The parts of `pop.yaml` that control publishes. */
export interface PublishedFile {
  readonly policy: PolicySection
  readonly settings: GatewaySettings
}

interface Desk {
  readonly store: Store
  readonly publisher: Publisher
  readonly log: ControlLog
  readonly onFault: FaultListener
}

/**
 * Puts what `pop.yaml` says in force, below what was changed while running. An overlay that does not hold any more is taken away,
 * which is told and recorded. Rejects with `audit-unavailable` when the change could not be recorded.
 */
export async function publishFile(desk: Desk, file: Partial<PublishedFile>): Promise<void> {
  const { store, publisher, log, onFault } = desk
  const { changed, dropped } = publisher.change(() => ({
    changed: [
      ...(file.policy !== undefined && putFact(store, 'policy', file.policy) ? ['policy'] : []),
      ...(file.settings !== undefined && putSettingsOfFile(store, file.settings) ? ['settings'] : []),
    ],
    dropped: dropInvalidOverlay(store),
  }))
  for (const section of changed)
    await log.record({ action: controlActions.publication, resource_id: section, status: 'success' }, 'unknown')
  if (dropped === undefined) return
  const reason = dropped.map(({ pointer, message }) => `${pointer}: ${message}`).join('; ')
  onFault(new Error(`What was changed while running does not hold any more and was dropped: ${reason}`), '-')
  const event = { action: controlActions.overlayDrop, resource_id: 'settings', status: 'failure', reason } as const
  await log.record(event, 'unknown')
}
