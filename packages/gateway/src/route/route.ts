import {
  PopError,
  compileRoutes,
  compileValidator,
  parseManifest,
  type Manifest,
  type ModulesSection,
  type ModuleInstance,
  type Operation,
  type RouteFinder,
  type Validator,
} from '@pop-api/protocol'
import type { Received } from '../receive/received.ts'

declare const routedBrand: unique symbol

/** Where a request goes: one operation of one module, with what its later stages need, compiled once per bulletin. */
interface Destination {
  readonly manifest: Manifest
  readonly operation: Operation
  readonly validate: Validator
  readonly instances: readonly ModuleInstance[]
  /** Request fields that may cross beside the fixed list, names in lower case. */
  readonly requestFields: ReadonlySet<string>
  readonly answerFields: ReadonlySet<string>
}

export interface Routed {
  readonly [routedBrand]: true
  readonly received: Received
  readonly destination: Destination
  readonly parameters: Readonly<Record<string, string>>
}

export type Routes = RouteFinder<Destination>

/** Compiles the routes of all modules of a bulletin. Throws for a manifest that is not valid, or two with one path. */
export function compileDestinations(modules: ModulesSection): Routes {
  const routes = Object.values(modules).flatMap(({ manifest: document, instances }) => {
    const manifest = parseManifest(document)
    return manifest.operations.map((operation) => ({
      method: operation.method,
      template: `${manifest.base}${operation.template === '/' ? '' : operation.template}`,
      value: destinationOf(manifest, operation, instances),
    }))
  })
  return compileRoutes(routes)
}

function destinationOf(manifest: Manifest, operation: Operation, instances: readonly ModuleInstance[]): Destination {
  const declared = operation.parameters
    .filter((parameter) => parameter.in === 'header')
    .map((parameter) => parameter.name)
  return {
    manifest,
    operation,
    validate: compileValidator(operation, manifest.document),
    instances,
    requestFields: new Set(declared),
    answerFields: new Set(operation.answerHeaders),
  }
}

/** Finds the operation by the decoded segments and the method. Refuses with 404, or with 405 and `Allow`. */
export function route(received: Received, routes: Routes): Routed {
  const match = routes(received.method, received.target.segments)
  if (match.kind === 'none') throw new PopError('no-such-operation', 'Nothing is served at this path.')
  if (match.kind === 'method') {
    throw new PopError('method-not-allowed', `This path takes ${match.allow.join(', ')}.`, {
      headers: { allow: match.allow.join(', ') },
    })
  }
  const routed: Omit<Routed, symbol> = { received, destination: match.value, parameters: match.parameters }
  // Only this stage makes the brand.
  return routed as Routed
}
