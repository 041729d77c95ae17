import type { IncomingMessage, ServerResponse } from 'node:http'
import { controlActions } from '@pop-api/audit'
import { standingPermission } from '@pop-api/policy'
import { PopError, type CanonicalTarget, type Route, type WorkloadId } from '@pop-api/protocol'
import { ownerOfApiKey } from '../apikeys/api-keys.ts'
import { noteApplied, parseApplied, type Followers } from '../bulletin/applied.ts'
import { streamChanges } from '../bulletin/stream.ts'
import type { Audience } from '../bulletin/views.ts'
import type { EnrolmentContext } from '../enrolment/context.ts'
import { renew } from '../enrolment/enrol.ts'
import { requireHolder, type Holder } from '../enrolment/holder.ts'
import { acceptHanded, type Handed, type HandedContext } from '../handed/handed.ts'
import { liftRevocation, orderRevocation } from '../incident/order-revocation.ts'
import { openReports, type TakeReport } from '../incident/report-revocations.ts'
import { parseInstanceReport, putInstance } from '../modules/instances.ts'
import { peopleOperations } from '../people/people-operations.ts'
import { changeSettings } from '../settings/change-settings.ts'
import { makeTestToken } from '../test-tokens/mint-test-token.ts'

/** A member of the mesh that asks: who it is, proved by TLS. */
interface Asked {
  readonly holder: Holder
  readonly id: WorkloadId
  readonly request: IncomingMessage
  /** Parsed JSON; undefined where the route takes none. Untrusted. */
  readonly body: unknown
  readonly response: ServerResponse
  readonly target: CanonicalTarget
  /** Of the path. */
  readonly parameters: Readonly<Record<string, string>>
}

/** An answer in JSON, nothing (204), or a response that the handler has begun itself. */
export type Answer = { readonly json: unknown } | 'nothing' | 'begun'

type Handle = (asked: Asked) => Promise<Answer>

/** One route: how large a body it takes, and what it does once that is read. */
export interface Handler {
  readonly bodyBytesMax: number | 'none'
  readonly handle: Handle
}

const manifestBytesMax = 1024 * 1024
const smallBytesMax = 4 * 1024
/** Two hundred revocations, each with the longest texts that there may be. */
const reportBytesMax = 512 * 1024
const changesSettings = 'modify_settings'
/**
 * A follower that is ahead proves it with a heartbeat, which has less than a kilobyte. Only one that heard none yet sends the change
 * or the snapshot itself, which this has room for with all manifests of some hundred modules.
 */
const proofBytesMax = 2 * 1024 * 1024

/** Everything that the control listener serves (interfaces.md, bulletin, instances). */
export function controlRoutes(
  context: EnrolmentContext,
  followers: Followers,
  handed: HandedContext,
): readonly Route<Handler>[] {
  const { publisher, store, nowMs } = context
  const takeReport = openReports(context)
  return [
    route('GET', '/bulletin', 'none', async ({ id }) => ({ json: { jws: publisher.snapshot(audienceOf(id)) } })),
    route('GET', '/bulletin/changes', 'none', async ({ id, holder, target, response }) => {
      const [after, ...others] = target.query
      if (after?.name !== 'after' || others.length > 0 || !/^\d{1,15}\.\d{1,15}$/.test(after.value)) {
        throw new PopError('parameter-invalid', 'Say ?after=EPOCH.N and nothing else.')
      }
      streamChanges(publisher, audienceOf(id), response, () => requireHolder(store, holder))
      return 'begun'
    }),
    route('POST', '/bulletin/applied', proofBytesMax, async ({ id, holder: { spiffeId }, body }) => {
      noteApplied(publisher, followers, { audience: audienceOf(id), spiffeId }, parseApplied(body), nowMs())
      return 'nothing'
    }),
    route('PUT', '/instance', smallBytesMax, async (asked) => await takeInstance(context, asked)),
    route('POST', '/renew', manifestBytesMax, async ({ holder, body }) => ({
      json: await renew(context, body, holder),
    })),
    route(
      'POST',
      '/incidents/revocations',
      reportBytesMax,
      async (asked) => await takeRevocations(takeReport, context, asked),
    ),
    ...handedRoutes(handed),
  ]
}

/** The operations of the API that control performs. */
function handedRoutes(context: HandedContext): readonly Route<Handler>[] {
  const operator = standingPermission('operator')
  return [
    handedRoute(
      { method: 'PATCH', path: '/v1/pop/settings', action: controlActions.settings, permission: changesSettings },
      context,
      (handed, { body, request }) => changeSettings(context, handed, body, request.headers['if-match']),
    ),
    handedRoute(
      { method: 'POST', path: '/v1/pop/test-tokens', action: controlActions.testToken, permission: changesSettings },
      context,
      (handed, { body }) => makeTestToken(context, handed, body),
    ),
    handedRoute(
      { method: 'POST', path: revocations, action: controlActions.revocation, permission: operator },
      context,
      (handed, { body }) => orderRevocation(context, handed, body),
    ),
    handedRoute(
      { method: 'DELETE', path: `${revocations}/{id}`, action: controlActions.revocationUndo, permission: operator },
      context,
      (handed, { parameters }) => liftRevocation(context, handed, parameters['id'] ?? ''),
    ),
    ...peopleOperations.map(({ perform, ...operation }) =>
      handedRoute(operation, context, (handed, { parameters, body, target }) => {
        const { action } = operation
        return perform({ context, handed, action, name: parameters['user'] ?? '-' }, { body, target })
      }),
    ),
  ]
}

const revocations = '/v1/pop/incidents/revocations'

interface HandedOperation {
  readonly method: string
  /** Template. */
  readonly path: string
  /** The word of the audit event. */
  readonly action: string
  /** The role permission that it needs. */
  readonly permission: string
}

/** An operation of the API that only a gateway hands on. Whoever else comes with it, or with a token that is not right, is an incident. */
function handedRoute(
  { method, path, action, permission }: HandedOperation,
  context: HandedContext,
  perform: (handed: Handed, asked: Asked) => Promise<unknown>,
): Route<Handler> {
  const operation = `${method} ${path}`
  return route(method, path, method === 'DELETE' || method === 'GET' ? 'none' : smallBytesMax, async (asked) => {
    const { holder, request, target } = asked
    const { spiffeId: peer } = holder
    let handed: Handed
    try {
      handed = acceptHanded(context, { peer, operation, permission, target: target.text, headers: request.headers })
    } catch (failure) {
      context.log.refused({ action, user: peer, resource_id: '-', operation, incident: true }, failure)
      throw failure
    }
    return { json: await perform(handed, asked) }
  })
}

/** `POST /incidents/revocations`: of gateways alone; whoever else comes with it is an incident. */
async function takeRevocations(
  takeReport: TakeReport,
  context: EnrolmentContext,
  { id, holder, body }: Asked,
): Promise<Answer> {
  try {
    if (id.kind !== 'gateway') throw new PopError('workload-refused', 'Only a gateway reports revocations.')
    return { json: await takeReport(holder.spiffeId, body) }
  } catch (failure) {
    const event = { action: controlActions.revocation, user: holder.spiffeId, resource_id: '-' }
    // A report that comes while others are taken, or that cannot be recorded now, is nobody's attack.
    const isOurs = failure instanceof PopError && failure.status === 503
    context.log.refused(isOurs ? event : { ...event, incident: true }, failure)
    throw failure
  }
}

/** `PUT /instance`: recorded before it is answered; the same report once more changes nothing. */
async function takeInstance(context: EnrolmentContext, { id, holder, request, body }: Asked): Promise<Answer> {
  const { publisher, store, environment, log } = context
  const { spiffeId } = holder
  const event = { action: controlActions.instance, user: spiffeId, resource_id: spiffeId }
  try {
    if (id.kind !== 'module') throw new PopError('workload-refused', 'Only modules have instances.')
    const key = request.headers['x-api-key']
    const owner = typeof key === 'string' ? ownerOfApiKey(store, key, environment) : undefined
    if (owner?.owner !== `module:${id.module}` || owner.spiffeId !== spiffeId) {
      throw new PopError('workload-refused', 'Certificate and X-API-Key must be of the same module instance.')
    }
    const report = parseInstanceReport(body)
    publisher.change(() => putInstance(store, spiffeId, id.module, report))
    const subject = `module:${id.module}`
    await log.record({ ...event, subject, status: 'success', code: 204, reason: report.address }, 'unknown')
    return 'nothing'
  } catch (failure) {
    log.refused(event, failure)
    throw failure
  }
}

function route(
  method: string,
  template: string,
  bodyBytesMax: Handler['bodyBytesMax'],
  handle: Handle,
): Route<Handler> {
  return { method, template, value: { bodyBytesMax, handle } }
}

/** Which view a member gets. Control itself follows nothing. */
function audienceOf(id: WorkloadId): Audience {
  if (id.kind === 'gateway') return 'gateways'
  if (id.kind === 'module') return `module:${id.module}`
  throw new PopError('workload-refused', 'Control does not follow a bulletin.')
}
