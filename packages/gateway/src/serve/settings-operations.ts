import {
  isCount,
  isJsonObject,
  PopError,
  type BulletinPosition,
  type JsonObject,
  type PolicySection,
} from '@pop-api/protocol'
import {
  readGatewaySection,
  readPatch,
  settingsTag,
  showSettings,
  type GatewaySettings,
  type SettingsPatch,
} from '@pop-api/settings'
import type { Bulletin } from '@pop-api/workload'
import { untilApplied } from './until-applied.ts'
import { handOn, unreadable, type ControlDesk } from './hand-to-control.ts'
import type { OwnOperation, OwnRequest } from './operation.ts'
import { readJsonBody } from './read-json-body.ts'
import { jsonAnswer } from './serve.ts'

/** What these operations work with; each getter gives what is present. */
export interface SettingsOptions extends ControlDesk {
  readonly settings: () => GatewaySettings
  readonly policySection: () => PolicySection
  readonly bulletin: Pick<Bulletin, 'position' | 'onChange'>
}

const path = '/v1/pop/settings'
const requires = { role: 'modify_settings' }
/** RFC 7396 section 4. */
const mergePatch = 'application/merge-patch+json'
const faultsMax = 20

/** `GET` and `PATCH /v1/pop/settings`. */
export function settingsOperations(options: SettingsOptions): readonly OwnOperation[] {
  return [
    {
      kind: 'own',
      method: 'GET',
      path,
      summary: 'The settings in force',
      action: 'settings_read',
      requires,
      serve: () => {
        const present = [options.settings(), options.policySection()] as const
        return jsonAnswer(200, showSettings(...present), ['etag', settingsTag(...present)])
      },
    },
    {
      kind: 'own',
      method: 'PATCH',
      path,
      summary: 'Change live settings; null takes a change back',
      requestBody: { required: true, content: { [mergePatch]: { schema: { type: 'object' } } } },
      action: 'settings_change',
      requires,
      serve: (request) => change(request, options),
    },
  ]
}

/** Answered once the change is in force here too, so that whoever reads next at this gateway sees it. */
async function change(request: OwnRequest, options: SettingsOptions) {
  const patch = patchOf(await readJsonBody(request, mergePatch))
  const { settings, etag, position } = answerOf(await handOn(request, patch, options))
  await untilApplied(options.bulletin, position)
  return jsonAnswer(200, showSettings(settings, options.policySection()), ['etag', etag])
}

function patchOf(body: unknown): SettingsPatch {
  const read = readPatch(body)
  if (read.ok) return read.value
  const errors = read.faults.slice(0, faultsMax)
  throw new PopError('body-invalid', 'The patch does not fit the live settings.', { members: { errors } })
}

interface Changed {
  readonly settings: GatewaySettings
  readonly etag: string
  readonly position: BulletinPosition
}

/** Reads control's answer: control is trusted, but it may be of another version. */
function answerOf({ settings, etag, position }: JsonObject): Changed {
  const { epoch, sequence } = isJsonObject(position) ? position : {}
  if (typeof etag !== 'string' || !/^"[\w-]{1,64}"$/.test(etag) || !isCount(epoch) || !isCount(sequence))
    throw unreadable()
  try {
    return { settings: readGatewaySection(settings), etag, position: { epoch, sequence } }
  } catch (cause) {
    throw unreadable(cause)
  }
}
