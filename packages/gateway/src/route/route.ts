import { PopError } from '@pop-api/protocol'
import type { Received } from '../receive/received.ts'
import type { Destination, Routes } from './destination.ts'

declare const routedBrand: unique symbol

interface RoutedTo<D extends Destination> {
  readonly [routedBrand]: true
  readonly received: Received
  readonly destination: D
  readonly parameters: Readonly<Record<string, string>>
}

/** A request with the operation that it asks for; a union over the kinds of operation, so that the type follows what was asked. */
export type Routed<D extends Destination = Destination> = D extends Destination ? RoutedTo<D> : never

/** Finds the operation by the decoded segments and the method. Refuses with 404, or with 405 and `Allow`. */
export function route(received: Received, routes: Routes): Routed {
  const match = routes(received.method, received.target.segments)
  if (match.kind === 'none') throw new PopError('no-such-operation', 'Nothing is served at this path.')
  if (match.kind === 'method') {
    throw new PopError('method-not-allowed', `This path takes ${match.allow.join(', ')}.`, {
      headers: { allow: match.allow.join(', ') },
    })
  }
  const routed: Omit<RoutedTo<Destination>, symbol> = {
    received,
    destination: match.value,
    parameters: match.parameters,
  }
  // Only this stage makes the brand.
  return routed as Routed
}

/** True where a request is for an operation of this kind. */
export function leadsTo<K extends Destination['kind']>(
  routed: Routed,
  kind: K,
): routed is Routed<Extract<Destination, { readonly kind: K }>> {
  return routed.destination.kind === kind
}
