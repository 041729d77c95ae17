import {
  compileRoutes,
  parseManifest,
  type Manifest,
  type ManifestDocument,
  type Operation,
  type Ownership,
  type RouteFinder,
} from '@pop-api/protocol'
import type { Resource, Visibility } from './book/resource.ts'
import type { RequestStream } from './stream.ts'
import { compileValidator, type OperationInput, type Validator } from '@pop-api/protocol'

/** Who asks. `subject` is the identity (`user:<id>` …); `name` is readable, for logs and nothing else. */
export interface Caller {
  readonly subject: string
  readonly name: string | undefined
}

/** What a handler gets: a request that was proven, validated and admitted. */
export interface HandlerRequest extends OperationInput {
  readonly caller: Caller
  /** The ownerships within which the caller may use this operation. */
  readonly scope: readonly Ownership[]
  /** The admitted resource; undefined for `list` and for operations without one. A `create` sees it as it will be kept. */
  readonly resource: Resource | undefined
  /**
   * Of a `list`: the resources of this page, all admitted, in the order of their ids. Items that are answered in this order may be
   * more than an answer can hold: the page then ends earlier. A single item must fit.
   */
  readonly page: { readonly resources: readonly Resource[] } | undefined
  /** The book entry of `resource`. What is asked of it takes effect with the success of the handler. */
  readonly book: { readonly setVisibility: (visibility: Visibility) => void } | undefined
  /**
   * Of an operation marked `x-pop-stream: upload`: its body, which `body` then is not. The resource is not held while the body
   * arrives: where it may be deleted meanwhile, what commits the body MUST find out.
   */
  readonly stream: RequestStream | undefined
  readonly requestId: string
  readonly txn: string
}

/** A body that is given piece by piece. */
export interface AnswerStream {
  /** Iterated at most once, and not at all for HEAD. `return` is called when the client has gone. */
  readonly bytes: AsyncIterable<Uint8Array>
  /**
   * Called once instead of reading, where the answer cannot be sent or is one to HEAD: a generator that was never begun runs nothing,
   * so that what it holds would be held for ever.
   */
  readonly release?: () => Promise<void>
  /** Bytes of the whole body, which MUST then be so many; the answer to HEAD says it. */
  readonly lengthBytes?: number
}

export interface HandlerAnswer {
  /** 200 to 299, or 304. Everything else leaves by a thrown PopError. */
  readonly status: number
  /** A JSON value; undefined for no body. */
  readonly body?: unknown
  /** Bytes instead of a JSON value; their `content-type` stands in `headers`. */
  readonly stream?: AnswerStream
  /** Names in lower case: of the fixed list of the profile, or declared by the operation. */
  readonly headers?: Readonly<Record<string, string>>
}

/**
 * Does the work of one operation. Throws a PopError to refuse; any other error is answered as `internal` and reported. A handler
 * of a `create` or `delete` MUST have done all or nothing when it throws.
 */
export type Handler = (request: HandlerRequest) => HandlerAnswer | Promise<HandlerAnswer>

/** What an author writes. */
export interface ModuleSource {
  readonly manifest: ManifestDocument
  /** By `operationId`: one for each operation of the manifest, and no other. */
  readonly handlers: Readonly<Record<string, Handler>>
  /**
   * Whether the module's own store has a resource. Asked at the start for those whose creation or deletion was cut off by a
   * crash. Without it such a creation is undone and such a deletion is taken as done.
   */
  readonly exists?: (kind: string, id: string) => boolean | Promise<boolean>
}

/** An operation with everything that serving it needs. */
export interface ServedOperation {
  readonly operation: Operation
  readonly handler: Handler
  readonly validate: Validator
}

/** A module that can be served: `createModuleServer`, `startModule`. */
export interface ModuleDefinition {
  readonly manifest: Manifest
  readonly find: RouteFinder<ServedOperation>
  /** Module permissions with which some operation reads or lists a kind. */
  readonly readPermissions: ReadonlyMap<string, ReadonlySet<string>>
  readonly exists: (kind: string, id: string) => boolean | Promise<boolean>
}

/**
 * Joins a manifest with its handlers. Throws a PopError `manifest-invalid` for a manifest that does not load, and an Error that
 * names every operation without a handler, every handler without an operation, and every operation that cannot be served.
 */
export function defineModule(source: ModuleSource): ModuleDefinition {
  const manifest = parseManifest(source.manifest)
  const faults = faultsOf(manifest, source.handlers)
  if (faults.length > 0) throw new Error(`The module ${manifest.name} cannot be served: ${faults.join('; ')}.`)
  const routes = manifest.operations.flatMap((operation) => {
    const handler = source.handlers[operation.operationId]
    if (handler === undefined) return []
    const value = { operation, handler, validate: compileValidator(operation, manifest.document) }
    const template = operation.template === '/' ? manifest.base : `${manifest.base}${operation.template}`
    return [{ method: operation.method, template, value }]
  })
  return {
    manifest,
    find: compileRoutes(routes),
    readPermissions: readPermissionsOf(manifest.operations),
    exists: source.exists ?? (() => false),
  }
}

function faultsOf(manifest: Manifest, handlers: Readonly<Record<string, Handler>>): string[] {
  const faults: string[] = []
  const ids = new Set<string>()
  for (const operation of manifest.operations) {
    const { operationId } = operation
    if (ids.has(operationId)) faults.push(`operationId ${operationId} is there twice`)
    ids.add(operationId)
    if (!Object.hasOwn(handlers, operationId)) faults.push(`${operation.id} (${operationId}) has no handler`)
    faults.push(...operationFaults(operation))
  }
  for (const name of Object.keys(handlers)) if (!ids.has(name)) faults.push(`the handler ${name} has no operation`)
  return faults
}

function operationFaults({ id, body, stream, resource, parameters }: Operation): string[] {
  const faults: string[] = []
  for (const mediaType of Object.keys(body?.content ?? {})) {
    if (mediaType !== 'application/json' && stream !== 'upload')
      faults.push(`${id}: only application/json is served, not ${mediaType}`)
  }
  if (resource?.effect === 'list') {
    for (const name of ['limit', 'page_token']) {
      if (!parameters.some((parameter) => parameter.in === 'query' && parameter.name === name))
        faults.push(`${id}: a list declares the query parameter ${name}`)
    }
  }
  return faults
}

function readPermissionsOf(operations: readonly Operation[]): ReadonlyMap<string, ReadonlySet<string>> {
  const permissions = new Map<string, Set<string>>()
  for (const { resource, requires } of operations) {
    if (resource === undefined || (resource.effect !== 'read' && resource.effect !== 'list')) continue
    permissions.set(resource.kind, (permissions.get(resource.kind) ?? new Set()).add(requires.module))
  }
  return permissions
}
