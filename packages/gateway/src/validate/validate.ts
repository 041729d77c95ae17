import { requestHopFields } from '@pop-api/protocol'
import type { Validated } from '../dress/dress.ts'
import type { Permitted } from '../permit/permit.ts'
import type { ModuleDestination } from '../route/destination.ts'

/** Checks parameters and body against the schemas of the operation. Refuses with 400, 415, 422. */
export function validate(permitted: Permitted<ModuleDestination>, body: Buffer): Validated {
  const { received, destination, parameters } = permitted.identified.routed
  const headers: string[] = []
  for (const [name, value] of received.fields) {
    if (requestHopFields.has(name) || destination.requestFields.has(name)) headers.push(name, value)
  }
  destination.validate({ parameters, target: received.target, headers, body })
  return { permitted, body }
}
