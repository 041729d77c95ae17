import type { IncomingMessage, ServerResponse } from 'node:http'
import { PopError, type CanonicalTarget, type Route, type WorkloadId } from '@pop-api/protocol'
import { ownerOfApiKey } from '../apikeys/api-keys.ts'
import { noteApplied, parseApplied, type Followers } from '../bulletin/applied.ts'
import { streamChanges } from '../bulletin/stream.ts'
import type { Audience } from '../bulletin/views.ts'
import type { EnrolmentContext } from '../enrolment/context.ts'
import { renew } from '../enrolment/enrol.ts'
import { parseInstanceReport, putInstance } from '../modules/instances.ts'
import { readJson } from './read-json.ts'

/** A member of the mesh that asks: who it is, proved by TLS. */
interface Asked {
  readonly spiffeId: string
  readonly id: WorkloadId
  readonly request: IncomingMessage
  readonly response: ServerResponse
  readonly target: CanonicalTarget
}

/** An answer in JSON, nothing (204), or a response that the handler has begun itself. */
export type Answer = { readonly json: unknown } | 'nothing' | 'begun'

export type Handler = (asked: Asked) => Promise<Answer>

const manifestBytesMax = 1024 * 1024
const smallBytesMax = 4 * 1024
/** A proof is a whole signed section. */
const proofBytesMax = 16 * 1024 * 1024

/** Everything that the control listener serves (interfaces.md, bulletin, instances). */
export function controlRoutes(context: EnrolmentContext, followers: Followers): readonly Route<Handler>[] {
  const { publisher, store, environment, nowMs } = context
  return [
    route('GET', '/bulletin', async ({ id }) => ({ json: { jws: publisher.snapshot(audienceOf(id)) } })),
    route('GET', '/bulletin/changes', async ({ id, target, response }) => {
      const [after, ...others] = target.query
      if (after?.name !== 'after' || others.length > 0 || !/^\d{1,15}\.\d{1,15}$/.test(after.value)) {
        throw new PopError('parameter-invalid', 'Say ?after=EPOCH.N and nothing else.')
      }
      streamChanges(publisher, audienceOf(id), response)
      return 'begun'
    }),
    route('POST', '/bulletin/applied', async ({ id, spiffeId, request }) => {
      const report = parseApplied(await readJson(request, proofBytesMax))
      noteApplied(publisher, followers, { audience: audienceOf(id), spiffeId }, report, nowMs())
      return 'nothing'
    }),
    route('PUT', '/instance', async ({ id, spiffeId, request }) => {
      if (id.kind !== 'module') throw new PopError('workload-refused', 'Only modules have instances.')
      const key = request.headers['x-api-key']
      const owner = typeof key === 'string' ? ownerOfApiKey(store, key, environment) : undefined
      if (owner?.owner !== `module:${id.module}` || owner.spiffeId !== spiffeId) {
        throw new PopError('workload-refused', 'Certificate and X-API-Key must be of the same module instance.')
      }
      const report = parseInstanceReport(await readJson(request, smallBytesMax))
      publisher.change(() => putInstance(store, spiffeId, id.module, report))
      return 'nothing'
    }),
    route('POST', '/renew', async ({ spiffeId, request }) => ({
      json: await renew(context, await readJson(request, manifestBytesMax), spiffeId),
    })),
  ]
}

function route(method: string, template: string, value: Handler): Route<Handler> {
  return { method, template, value }
}

/** Which view a member gets. Control itself follows nothing. */
function audienceOf(id: WorkloadId): Audience {
  if (id.kind === 'gateway') return 'gateways'
  if (id.kind === 'module') return `module:${id.module}`
  throw new PopError('workload-refused', 'Control does not follow a bulletin.')
}
