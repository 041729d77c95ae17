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
  const { store, publisher, domain, environment, authorities, nowMs } = context
  const request = requireObject(body)
  const token = findToken(store, request['token'], address, nowMs())
  const keys = await readBroughtKeys(request, token.kind)
  const binding = bindingOf(keys)
  const spiffeId = token.kind === 'issuer' ? undefined : spiffeIdFor(token, domain)
  const apiKey =
    token.kind === 'module'
      ? enrolmentApiKey(authorities.enrolmentKey, environment, String(request['token']), binding)
      : undefined
  publisher.change(() => {
    bindToken(store, token, binding)
    // A repeated answer changes nothing again: the workload may have renewed or moved on meanwhile.
    if (token.result !== undefined || spiffeId === undefined) return
    putHolder(store, { spiffeId, keySha256: meshKeyOf(keys) }, token, nowMs())
    takeWhatItBrought(context, { kind: token.kind, name: token.name, spiffeId }, keys, request)
    if (apiKey !== undefined) {
      const owner = { owner: `module:${token.name}`, spiffeId }
      replaceApiKey(store, apiKey, environment, owner, nowMs())
    }
  })
  const granted = await grantOnce(context, token, spiffeId, keys)
  return apiKey === undefined ? granted : { ...granted, api_key: apiKey }
}

/**
 * `POST /renew`: the same for a member that shows its certificate. Its SPIFFE ID decides everything; its mesh key must be the one
 * of its last enrolment, so that whoever took a certificate cannot move on to keys of its own. Throws `workload-refused` as well.
 * Untrusted input.
 */
export async function renew(context: EnrolmentContext, body: unknown, holder: Holder): Promise<EnrolResponse> {
  const { store, publisher } = context
  const request = requireObject(body)
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
  publisher.change(() => {
    // Somebody may have enrolled under this name while the request was read.
    requireHolder(store, holder)
    takeWhatItBrought(context, { kind: id.kind, name: nameOf(id), spiffeId }, keys, request)
  })
  return await makeGrant(context, spiffeId, keys)
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

function takeWhatItBrought(context: EnrolmentContext, who: Identity, keys: BroughtKeys, request: JsonObject): void {
  const { store, nowMs, approveAutomatically } = context
  if (keys.txn !== undefined) putTxnKey(store, who.spiffeId, keys.txn, nowMs())
  if (who.kind === 'module') takeManifest(store, who.name, request['manifest'], approveAutomatically)
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
