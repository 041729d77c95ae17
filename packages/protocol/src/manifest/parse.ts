import { PopError } from '../problem/pop-error.ts'
import { parseTemplate } from '../routes/template.ts'
import { compileRoutes } from '../routes/trie.ts'
import { checkCost } from './check-cost.ts'
import { checkPatterns } from './check-patterns.ts'
import { methods, type Manifest, type ManifestDocument, type Method, type Operation } from './manifest.ts'
import { parseOperation } from './operation.ts'
import { isRecord, resolveReference } from './reference.ts'

const nameShape = /^[a-z][a-z0-9_]{1,40}$/
const baseShape = /^(\/[a-z0-9][a-z0-9-]*)+$/
const permissionShape = /^[a-z][a-z0-9_]*\.[a-z][a-z0-9_]*$/

/** Paths that the gateway keeps for itself; no module may be based at, above or below one. */
export const reservedPaths = ['/oauth', '/session', '/.well-known', '/v1/pop', '/openapi.json'] as const

/** Every gateway and module compiles each operation and each schema, whenever a manifest changes. */
const operationsMax = 200
const schemasMax = 1000
const faultsNamedMax = 20

/**
 * Makes a `Manifest` of an OpenAPI 3.1 document. Throws `manifest-invalid` that names the faults, each with its place, the first
 * 20 of them. An operation without `x-pop-requires` does not load: what nobody decided is denied. Untrusted input.
 */
export function parseManifest(document: unknown): Manifest {
  const faults: string[] = []
  const manifest = read(document, faults)
  if (manifest === undefined || faults.length > 0) {
    const more = faults.length > faultsNamedMax ? '; and more' : ''
    const named = faults.slice(0, faultsNamedMax).join('; ')
    throw new PopError('manifest-invalid', `The manifest has ${faults.length} fault(s): ${named}${more}.`)
  }
  return manifest
}

function read(document: unknown, faults: string[]): Manifest | undefined {
  if (!isRecord(document)) {
    faults.push('it is not an object')
    return undefined
  }
  if (typeof document['openapi'] !== 'string' || !document['openapi'].startsWith('3.1.'))
    faults.push('openapi must be 3.1.x')
  const module = isRecord(document['x-pop-module']) ? document['x-pop-module'] : {}
  const name = text(module['name'], nameShape, 'x-pop-module.name', faults)
  const base = text(module['base'], baseShape, 'x-pop-module.base', faults)
  const permissions = Array.isArray(module['permissions']) ? module['permissions'].map(String) : []
  if (permissions.length === 0) faults.push('x-pop-module.permissions must list at least one permission')
  for (const permission of permissions) text(permission, permissionShape, 'x-pop-module.permissions', faults)
  if (overlapsReserved(base)) faults.push(`x-pop-module.base ${base} is reserved for the gateway`)
  const operations = readPaths(document, permissions, faults)
  checkNumbers(operations, faults)
  checkPatterns(document, faults)
  checkCost(document, operations, faults)
  if (faults.length === 0) checkRoutes(operations, faults)
  return { name, base, permissions, operations, document }
}

function text(value: unknown, shape: RegExp, place: string, faults: string[]): string {
  if (typeof value === 'string' && shape.test(value)) return value
  faults.push(`${place} must match ${shape.source}, found ${JSON.stringify(value)}`)
  return ''
}

function overlapsReserved(base: string): boolean {
  return reservedPaths.some((reserved) => basesOverlap(base, reserved))
}

/** True when one base is the other, or stands above it. */
export function basesOverlap(one: string, other: string): boolean {
  return `${one}/`.startsWith(`${other}/`) || `${other}/`.startsWith(`${one}/`)
}

function readPaths(document: ManifestDocument, permissions: readonly string[], faults: string[]): Operation[] {
  const paths = isRecord(document['paths']) ? document['paths'] : {}
  const operations: Operation[] = []
  for (const [template, value] of Object.entries(paths)) {
    if (parseTemplate(template) === undefined) faults.push(`the path ${template} is not a template`)
    const item = resolveReference(document, value)
    if (!isRecord(item)) {
      faults.push(`${template} is not an object`)
      continue
    }
    for (const [key, operation] of Object.entries(item)) {
      if (['parameters', 'summary', 'description'].includes(key) || key.startsWith('x-')) continue
      const method = key.toUpperCase()
      if (key !== key.toLowerCase() || !isMethod(method)) faults.push(`${template} has ${key}, which is not served`)
      else operations.push(parseOperation({ document, template, method, item, operation, permissions, faults }))
    }
  }
  if (operations.length === 0) faults.push('paths has no operation')
  return operations
}

function checkNumbers(operations: readonly Operation[], faults: string[]): void {
  if (operations.length > operationsMax)
    faults.push(`paths has ${operations.length} operations, at most ${operationsMax} are taken: make two modules of it`)
  const schemas = operations.reduce(
    (count, { parameters, body }) => count + parameters.length + Object.keys(body?.content ?? {}).length,
    0,
  )
  if (schemas > schemasMax)
    faults.push(`the operations have ${schemas} parameters and bodies, at most ${schemasMax} are taken`)
}

function isMethod(method: string): method is Method {
  return (methods as readonly string[]).includes(method)
}

function checkRoutes(operations: readonly Operation[], faults: string[]): void {
  try {
    compileRoutes(
      operations.map((operation) => ({ method: operation.method, template: operation.template, value: operation })),
    )
  } catch (error) {
    faults.push(error instanceof Error ? error.message : String(error))
  }
}
