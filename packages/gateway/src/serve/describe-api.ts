import { decide, type Policy } from '@pop-api/policy'
import { isJsonObject, type JsonObject, type Manifest, type Requirement } from '@pop-api/protocol'
import type { Caller } from '../identify/caller.ts'
import type { OwnOperation } from './operation.ts'

interface ApiOptions {
  readonly address: () => string
  readonly policy: Policy
  readonly manifests: readonly Manifest[]
  readonly own: readonly OwnOperation[]
}

/** An OpenAPI 3.1 document of the operations that the policy lets this caller use at all: what is not for you is not shown to you. */
export function describeApi(caller: Caller, { address, policy, manifests, own }: ApiOptions): JsonObject {
  const paths: Record<string, Record<string, unknown>> = {}
  const components: Record<string, Record<string, unknown>> = {
    securitySchemes: {
      bearer: { type: 'http', scheme: 'bearer', bearerFormat: 'JWT' },
      dpop: { type: 'http', scheme: 'dpop', description: 'A bound token, with a proof in the field DPoP (RFC 9449)' },
      certificate: { type: 'mutualTLS', description: 'The certificate that a token is bound to (RFC 8705)' },
    },
  }
  for (const { method, path, parameters, summary, requestBody, requires } of own) {
    if (requires !== undefined && decide(policy, caller, requires).outcome === 'deny') continue
    const present = (paths[path] ??= {})
    present[method.toLowerCase()] = {
      operationId: `${method} ${path}`,
      summary,
      'x-pop-module': 'gateway',
      ...(parameters === undefined ? {} : { parameters }),
      ...(requestBody === undefined ? {} : { requestBody }),
    }
  }
  for (const manifest of manifests) {
    addComponents(components, manifest)
    for (const operation of manifest.operations) {
      if (decide(policy, caller, operation.requires).outcome === 'deny') continue
      const { item, described } = documentOf(manifest, operation.template, operation.method)
      const path = `${manifest.base}${operation.template === '/' ? '' : operation.template}`
      const present = (paths[path] ??= item)
      present[operation.method.toLowerCase()] = { ...described, ...asksOf(operation.requires) }
    }
  }
  return {
    openapi: '3.1.0',
    info: { title: 'POP API', version: '1' },
    servers: [{ url: address() }],
    security: [{ bearer: [] }, { dpop: [] }],
    paths,
    components,
  }
}

/** What an operation asks of a token beside a permission; the roles are the business of the policy. */
function asksOf({ bound, maxAgeSeconds }: Requirement): JsonObject {
  return {
    ...(bound === true ? { 'x-pop-bound': true, security: [{ dpop: [] }, { bearer: [], certificate: [] }] } : {}),
    ...(maxAgeSeconds === undefined ? {} : { 'x-pop-max-age': maxAgeSeconds }),
  }
}

/** The operation as its module describes it, and what all operations of its path share. */
function documentOf({ document, name }: Manifest, template: string, method: string) {
  const paths = isJsonObject(document['paths']) ? document['paths'] : {}
  const shared = isJsonObject(paths[template]) ? paths[template] : {}
  const operation = shared[method.toLowerCase()]
  const described = { ...publicPart(isJsonObject(operation) ? operation : {}, name), 'x-pop-module': name }
  const parameters = shared['parameters']
  return { described, item: parameters === undefined ? {} : { parameters: renamed(parameters, name) } }
}

/** Without what only the gateway and the module need to know, and with references to the components as they are named here. */
function publicPart(operation: JsonObject, module: string): JsonObject {
  const kept = Object.entries(operation).filter(([key]) => !key.startsWith('x-pop-') || key === 'x-pop-stream')
  return Object.fromEntries(kept.map(([key, value]) => [key, renamed(value, module)]))
}

/** Two modules may use one name for two schemas, so each component carries the name of its module. */
function addComponents(components: Record<string, Record<string, unknown>>, { document, name }: Manifest): void {
  const own = isJsonObject(document['components']) ? document['components'] : {}
  for (const [kind, members] of Object.entries(own)) {
    if (kind === 'securitySchemes' || !isJsonObject(members)) continue
    const present = (components[kind] ??= {})
    for (const [key, value] of Object.entries(members)) present[`${name}.${key}`] = renamed(value, name)
  }
}

const referenceShape = /^#\/components\/([A-Za-z]+)\/(.+)$/

function renamed(value: unknown, module: string): unknown {
  if (Array.isArray(value)) return value.map((item) => renamed(item, module))
  if (!isJsonObject(value)) return value
  return Object.fromEntries(
    Object.entries(value).map(([key, member]) => {
      const [, kind, name] = key === '$ref' && typeof member === 'string' ? (referenceShape.exec(member) ?? []) : []
      return [key, name === undefined ? renamed(member, module) : `#/components/${kind}/${module}.${name}`]
    }),
  )
}
