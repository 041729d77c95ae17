import { controlActions } from '@pop-api/audit'
import { spkiSha256Of } from '@pop-api/keyring'
import {
  isJsonObject,
  parseSpiffeId,
  PopError,
  type EnrolmentKind,
  type EnrolResponse,
  type JsonObject,
  type WorkloadId,
} from '@pop-api/protocol'
import { enrolmentApiKey, replaceApiKey } from '../apikeys/api-keys.ts'
import { takeManifest } from '../modules/modules.ts'
import { pinEvent, pinnedDigests } from '../modules/pin-event.ts'
import type { ControlEvent } from '../record/control-log.ts'
import type { EnrolmentContext } from './context.ts'
import { makeGrant } from './grant.ts'
import { putHolder, requireHolder, type Holder } from './holder.ts'
import { bindingOf, readBroughtKeys, type BroughtKeys } from './request-keys.ts'
import { bindToken, findToken, keepResult, spiffeIdFor, type KnownToken } from './tokens.ts'
import { putTxnKey } from './txn-keys.ts'

/**
 * `POST /enrol`: a stranger with a one-time token becomes what the token says, never what the request says. Throws
 * `enrolment-refused` or `manifest-invalid`; nothing has changed then, and the token is still good. Untrusted input.
 */
export async function enrol(context: EnrolmentContext, body: unknown, address: string): Promise<EnrolResponse> {
  const { store, log, nowMs } = context
  const event = { action: controlActions.enrolment, ip_address: address }
  let known = { user: '-', resource_id: '-' }
  try {
    const request = requireObject(body)
    const token = findToken(store, request['token'], address, nowMs())
    known = { user: token.name, resource_id: spiffeIdOf(token, context) ?? `${token.kind}/${token.name}` }
    const { granted, pinned } = await enrolWith(context, token, request)
    if (pinned !== undefined) await log.record(pinned, 'unknown')
    // Whoever enrols has nothing of it before this is on the disk; the same request gets the same once more.
    await log.record({ ...event, ...known, status: 'success', code: 200, reason: token.kind }, 'unknown')
    return granted
  } catch (failure) {
    log.refused({ ...event, ...known }, failure)
    throw failure
  }
}

interface Enrolled {
  readonly granted: EnrolResponse
  readonly pinned: ControlEvent | undefined
}

async function enrolWith(context: EnrolmentContext, token: KnownToken, request: JsonObject): Promise<Enrolled> {
  const { store, publisher, environment, authorities, nowMs } = context
  const keys = await readBroughtKeys(request, token.kind)
  const binding = bindingOf(keys)
  const spiffeId = spiffeIdOf(token, context)
  const apiKey =
    token.kind === 'module'
      ? enrolmentApiKey(authorities.enrolmentKey, environment, String(request['token']), binding)
      : undefined
  const pinned = publisher.change(() => {
    bindToken(store, token, binding)
    // A repeated answer changes nothing again: the workload may have renewed or moved on meanwhile.
    if (token.result !== undefined || spiffeId === undefined) return undefined
    putHolder(store, { spiffeId, keySha256: meshKeyOf(keys) }, token, nowMs())
    if (apiKey !== undefined) {
      const owner = { owner: `module:${token.name}`, spiffeId }
      replaceApiKey(store, apiKey, environment, owner, nowMs())
    }
    return takeWhatItBrought(context, { kind: token.kind, name: token.name, spiffeId }, keys, request)
  })
  const granted = await grantOnce(context, token, spiffeId, keys)
  return { pinned, granted: apiKey === undefined ? granted : { ...granted, api_key: apiKey } }
}

/** Undefined for the issuer, which is no member of the mesh. */
function spiffeIdOf(token: KnownToken, { domain }: EnrolmentContext): string | undefined {
  return token.kind === 'issuer' ? undefined : spiffeIdFor(token, domain)
}

/**
 * `POST /renew`: the same for a member that shows its certificate. Its SPIFFE ID decides everything; its mesh key must be the one
 * of its last enrolment, so that whoever took a certificate cannot move on to keys of its own. Throws `workload-refused` as well.
 * Untrusted input.
 */
export async function renew(context: EnrolmentContext, body: unknown, holder: Holder): Promise<EnrolResponse> {
  const { log } = context
  const event = { action: controlActions.renewal, user: holder.spiffeId, resource_id: holder.spiffeId }
  try {
    const { granted, pinned } = await renewWith(context, requireObject(body), holder)
    if (pinned !== undefined) await log.record(pinned, 'unknown')
    await log.record({ ...event, status: 'success', code: 200 }, 'unknown')
    return granted
  } catch (failure) {
    log.refused(event, failure)
    throw failure
  }
}

async function renewWith(context: EnrolmentContext, request: JsonObject, holder: Holder): Promise<Enrolled> {
  const { store, publisher } = context
  const { spiffeId } = holder
  const id = parseSpiffeId(spiffeId)
  if (id === undefined || id.kind === 'control') {
    throw new PopError('workload-refused', 'Only a gateway or a module renews here.')
  }
  if (Object.hasOwn(request, 'token')) throw new PopError('enrolment-refused', 'A renewal has no token.')
  const keys = await readBroughtKeys(request, id.kind)
  if (meshKeyOf(keys) !== holder.keySha256) {
    throw new PopError(
      'enrolment-refused',
      'A renewal is for the same mesh key; for another one enrol with a new token.',
    )
  }
  const pinned = publisher.change(() => {
    // Somebody may have enrolled under this name while the request was read.
    requireHolder(store, holder)
    return takeWhatItBrought(context, { kind: id.kind, name: nameOf(id), spiffeId }, keys, request)
  })
  return { pinned, granted: await makeGrant(context, spiffeId, keys) }
}

/** What a member of the mesh must have brought: `readBroughtKeys` refuses one without. */
function meshKeyOf({ mesh }: BroughtKeys): string {
  if (mesh === undefined) throw new Error('A member of the mesh without a mesh key got through.')
  return spkiSha256Of(mesh)
}

interface Identity {
  readonly kind: EnrolmentKind | 'control'
  readonly name: string
  readonly spiffeId: string
}

/** Gives the event of a manifest that is another one now, or waits. */
function takeWhatItBrought(
  context: EnrolmentContext,
  who: Identity,
  keys: BroughtKeys,
  request: JsonObject,
): ControlEvent | undefined {
  const { store, nowMs, approveAutomatically } = context
  if (keys.txn !== undefined) putTxnKey(store, who.spiffeId, keys.txn, nowMs())
  if (who.kind !== 'module') return undefined
  const before = pinnedDigests(store, who.name)
  takeManifest(store, who.name, request['manifest'], approveAutomatically)
  return pinEvent(who.name, before, pinnedDigests(store, who.name))
}

async function grantOnce(
  context: EnrolmentContext,
  token: KnownToken,
  spiffeId: string | undefined,
  keys: BroughtKeys,
): Promise<EnrolResponse> {
  const made = token.result ?? JSON.stringify(await makeGrant(context, spiffeId, keys))
  // The column is only ever written here, from an EnrolResponse without its API key.
  return JSON.parse(keepResult(context.store, token, made)) as EnrolResponse
}

function requireObject(body: unknown): JsonObject {
  if (isJsonObject(body)) return body
  throw new PopError('body-invalid', 'The body must be a JSON object.')
}

function nameOf(id: WorkloadId): string {
  return id.kind === 'module' ? id.module : id.node
}
