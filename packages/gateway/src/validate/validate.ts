import { requestHopFields } from '@pop-api/protocol'
import type { Validated } from '../dress/dress.ts'
import type { FollowedBody, RequestBody } from '../receive/body.ts'
import type { Permitted } from '../permit/permit.ts'
import type { ModuleDestination } from '../route/destination.ts'

/** The body of a request: whole, so that its schema can be checked, or still on its way for an operation that takes uploads. */
export function bodyOf(
  { identified }: Permitted<ModuleDestination>,
  body: RequestBody,
  bytesMax: number,
): Buffer | FollowedBody | Promise<Buffer> {
  if (identified.routed.destination.operation.stream !== 'upload') return body.collect(bytesMax)
  return body.follow() ?? noBytes
}

const noBytes = Buffer.alloc(0)

/**
 * Takes only the fields that may cross: nothing that the client says of itself reaches a module. Checks parameters and body against
 * the schemas of the operation. Refuses with 400, 415, 422.
 */
export function validate(permitted: Permitted<ModuleDestination>, body: Buffer | FollowedBody): Validated {
  const { received, destination, parameters } = permitted.identified.routed
  const headers: string[] = []
  for (const [name, value] of received.fields) {
    if (requestHopFields.has(name) || destination.requestFields.has(name)) headers.push(name, value.trim())
  }
  destination.validate({ parameters, target: received.target, headers, body: Buffer.isBuffer(body) ? body : noBytes })
  return { permitted, headers, body }
}
