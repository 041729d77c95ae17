import {
  compileRoutes,
  compileValidator,
  parseManifest,
  type Manifest,
  type ModulesSection,
  type ModuleInstance,
  type Operation,
  type Route,
  type RouteFinder,
  type Validator,
} from '@pop-api/protocol'
import type { OpenOperation, OwnOperation } from '../serve/operation.ts'

/** One operation of one module, with what the later stages need, compiled once per bulletin. */
export interface ModuleDestination {
  readonly kind: 'module'
  readonly manifest: Manifest
  readonly operation: Operation
  readonly validate: Validator
  readonly instances: readonly ModuleInstance[]
  /** Request fields that may cross beside the fixed list, names in lower case. */
  readonly requestFields: ReadonlySet<string>
  readonly answerFields: ReadonlySet<string>
}

/** Where a request goes: to a module, or to an operation of the gateway, for a caller (`own`) or for anybody (`open`). */
export type Destination = ModuleDestination | OwnOperation | OpenOperation

export type Routes = RouteFinder<Destination>

/** The modules of a bulletin, read and compiled; what routes, policy and the API description are made of. */
export interface CompiledModules {
  readonly routes: readonly Route<Destination>[]
  readonly manifests: readonly Manifest[]
}

/** Compiles the modules of a bulletin. Throws `manifest-invalid`, and an Error for a schema that cannot be compiled. */
export function compileModules(modules: ModulesSection): CompiledModules {
  const read = Object.values(modules).map(({ manifest, instances }) => ({
    manifest: parseManifest(manifest),
    instances,
  }))
  const routes = read.flatMap(({ manifest, instances }) =>
    manifest.operations.map((operation) => ({
      method: operation.method,
      template: `${manifest.base}${operation.template === '/' ? '' : operation.template}`,
      value: destinationOf(manifest, operation, instances),
    })),
  )
  return { routes, manifests: read.map(({ manifest }) => manifest) }
}

/** One trie of the gateway's own operations and those of all modules. Throws an Error for two with one path. */
export function compileGatewayRoutes(modules: CompiledModules, own: readonly (OwnOperation | OpenOperation)[]): Routes {
  const mounted = own.map((value) => ({ method: value.method, template: value.path, value }))
  return compileRoutes<Destination>([...mounted, ...modules.routes])
}

function destinationOf(
  manifest: Manifest,
  operation: Operation,
  instances: readonly ModuleInstance[],
): ModuleDestination {
  const declared = operation.parameters
    .filter((parameter) => parameter.in === 'header')
    .map((parameter) => parameter.name)
  return {
    kind: 'module',
    manifest,
    operation,
    validate: compileValidator(operation, manifest.document),
    instances,
    requestFields: new Set(declared),
    answerFields: new Set(operation.answerHeaders),
  }
}
