import {
  compileRoutes,
  compileValidator,
  parseManifest,
  type Manifest,
  type ModuleEntry,
  type ModulesSection,
  type ModuleInstance,
  type Operation,
  type Route,
  type RouteFinder,
  type Validator,
} from '@pop-api/protocol'
import type { OpenOperation, OwnOperation } from '../serve/operation.ts'

/** One operation of one module, with what the later stages need. */
export interface ModuleDestination extends CompiledOperation {
  readonly kind: 'module'
  readonly manifest: Manifest
  readonly instances: readonly ModuleInstance[]
}

/** Where a request goes: to a module, or to an operation of the gateway, for a caller (`own`) or for anybody (`open`). */
export type Destination = ModuleDestination | OwnOperation | OpenOperation

export type Routes = RouteFinder<Destination>

interface CompiledOperation {
  readonly operation: Operation
  readonly validate: Validator
  /** Request fields that may cross beside the fixed list, names in lower case. */
  readonly requestFields: ReadonlySet<string>
  readonly answerFields: ReadonlySet<string>
}

interface CompiledManifest {
  readonly digest: string
  readonly manifest: Manifest
  readonly operations: readonly CompiledOperation[]
}

/** The modules of a bulletin, read and compiled; what routes, policy and the API description are made of. */
export interface CompiledModules {
  readonly routes: readonly Route<Destination>[]
  readonly manifests: readonly Manifest[]
  readonly byName: ReadonlyMap<string, CompiledManifest>
}

export const noModules: CompiledModules = { routes: [], manifests: [], byName: new Map() }

/**
 * Compiles the modules of a bulletin. A manifest that is the same as before is not compiled again: an instance that starts changes an
 * address. One that does not compile leaves its module out and no other; `failed` is told.
 */
export function compileModules(
  modules: ModulesSection,
  before: CompiledModules,
  failed: (failure: unknown) => void,
): CompiledModules {
  const byName = new Map<string, CompiledManifest>()
  const routes: Route<Destination>[] = []
  for (const entry of Object.values(modules)) {
    try {
      const known = before.byName.get(entry.name)
      const compiled = known?.digest === entry.manifest_digest ? known : compileManifest(entry)
      byName.set(entry.name, compiled)
      routes.push(...routesOf(compiled, entry.instances))
    } catch (cause) {
      failed(new Error(`The manifest of ${entry.name} does not compile: the module is not served.`, { cause }))
    }
  }
  return { routes, byName, manifests: [...byName.values()].map(({ manifest }) => manifest) }
}

/** One trie of the gateway's own operations and those of all modules. Throws an Error for two with one path. */
export function compileGatewayRoutes(modules: CompiledModules, own: readonly (OwnOperation | OpenOperation)[]): Routes {
  const mounted = own.map((value) => ({ method: value.method, template: value.path, value }))
  return compileRoutes<Destination>([...mounted, ...modules.routes])
}

function compileManifest({ manifest: document, manifest_digest: digest }: ModuleEntry): CompiledManifest {
  const manifest = parseManifest(document)
  return { digest, manifest, operations: manifest.operations.map((operation) => compileOperation(operation, manifest)) }
}

function compileOperation(operation: Operation, { document }: Manifest): CompiledOperation {
  const declared = operation.parameters
    .filter((parameter) => parameter.in === 'header')
    .map((parameter) => parameter.name)
  return {
    operation,
    validate: compileValidator(operation, document),
    requestFields: new Set(declared),
    answerFields: new Set(operation.answerHeaders),
  }
}

function routesOf(
  { manifest, operations }: CompiledManifest,
  instances: readonly ModuleInstance[],
): Route<Destination>[] {
  return operations.map((compiled) => ({
    method: compiled.operation.method,
    template: `${manifest.base}${compiled.operation.template === '/' ? '' : compiled.operation.template}`,
    value: { kind: 'module', manifest, instances, ...compiled },
  }))
}
