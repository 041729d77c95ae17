import { controlActions } from '@pop-api/audit'
import { PopError } from '@pop-api/protocol'
import {
  applyPatch,
  readPatch,
  settingsTag,
  type GatewaySettings,
  type SettingsOverlay,
  type SettingsPatch,
} from '@pop-api/settings'
import type { Handed, HandedContext } from '../handed/handed.ts'
import { eventOfHanded } from '../handed/handed-event.ts'
import { requireMatch } from './if-match.ts'
import { overlayOf, putOverlay, settingsInForce } from './settings-desk.ts'

/** What a gateway is told of a change. */
export interface ChangedSettings {
  readonly settings: GatewaySettings
  readonly etag: string
  /** The position of the gateways' view from which on it is in force. */
  readonly position: { readonly epoch: number; readonly sequence: number }
}

/**
 * `PATCH /v1/pop/settings`: a merge patch of the live keys (RFC 7396), kept above `pop.yaml`, announced in the audit log before and
 * recorded after, published before it is answered. Throws `body-invalid`, `precondition-failed`, `audit-unavailable`. The body is
 * untrusted; who asks was accepted.
 */
export async function changeSettings(
  context: HandedContext,
  handed: Handed,
  body: unknown,
  ifMatch: string | undefined,
): Promise<ChangedSettings> {
  const { log, publisher, store } = context
  const event = { ...eventOfHanded(handed), action: controlActions.settings, resource_id: 'settings' }
  try {
    const patch = patchOf(body)
    await log.record({ ...event, status: 'opened' }, 'nothing')
    const changed = publisher.change(() => {
      // Compared within the transaction: nobody comes in between.
      requireMatch(ifMatch, settingsTag(settingsInForce(store), context.policy()))
      const before = settingsInForce(store)
      putOverlay(store, applyPatch(overlayOf(store), patch))
      return { before, after: settingsInForce(store) }
    })
    const reason = differencesOf(changed.before, changed.after, patch)
    await log.record({ ...event, status: 'success', code: 200, reason }, 'unknown')
    const etag = settingsTag(changed.after, context.policy())
    return { settings: changed.after, etag, position: publisher.position('gateways') }
  } catch (failure) {
    if (failure instanceof PopError && failure.code === 'audit-unavailable') throw failure
    const { status: code, code: reason } = failure instanceof PopError ? failure : { status: 500, code: 'internal' }
    await log.record({ ...event, status: code < 500 ? 'refused' : 'failure', code, reason }, 'nothing')
    throw failure
  }
}

function patchOf(body: unknown): SettingsPatch {
  const read = readPatch(body)
  if (read.ok) return read.value
  const said = read.faults.slice(0, 20).map(({ pointer, message }) => `${pointer}: ${message}`)
  throw new PopError('body-invalid', said.join('; '))
}

/** `limits.caller_rate: 200 → 5` for each key of the patch; what is the same says so. None of these keys is a secret. */
function differencesOf(before: GatewaySettings, after: GatewaySettings, patch: SettingsPatch): string {
  const named = Object.entries(patch).flatMap(([block, members]) =>
    Object.keys(members ?? blockOf(before.overlay, block)).map((key) => {
      const [was, is] = [valueOf(before, block, key), valueOf(after, block, key)]
      return was === is ? `${block}.${key}: still ${is}` : `${block}.${key}: ${was} → ${is}`
    }),
  )
  return named.length === 0 ? 'nothing changed' : named.join(', ')
}

function blockOf(overlay: SettingsOverlay, block: string): Readonly<Record<string, unknown>> {
  return Object.hasOwn(overlay, block) ? (overlay[block] ?? {}) : {}
}

function valueOf(settings: GatewaySettings, block: string, key: string): string {
  const values: unknown = Reflect.get(settings, block)
  return JSON.stringify(Reflect.get(Object(values), key))
}
