import { isCount } from '../encoding/shape.ts'
import type {
  Effect,
  ManifestDocument,
  Method,
  Operation,
  Ownership,
  Parameter,
  Requirement,
  ResourceRule,
  RoleRequirement,
} from './manifest.ts'
import { isRecord, resolveReference } from './reference.ts'

/** What `parseOperation` reads; `faults` gains one line for everything that is wrong. */
export interface OperationSource {
  readonly document: ManifestDocument
  readonly template: string
  readonly method: Method
  readonly item: Readonly<Record<string, unknown>>
  readonly operation: unknown
  readonly permissions: readonly string[]
  readonly faults: string[]
}

type Fault = (text: string) => void

const effects: readonly Effect[] = ['create', 'read', 'change', 'delete', 'list']
const ownerships: readonly Ownership[] = ['any', 'own', 'public']
const wordShape = /^[a-z][a-z0-9_]*$/

export function parseOperation(source: OperationSource): Operation {
  const id = `${source.method} ${source.template}`
  const fault: Fault = (text) => source.faults.push(`${id}: ${text}`)
  const operation = isRecord(source.operation) ? source.operation : {}
  const requires = readRequirement(operation['x-pop-requires'], source.permissions, fault)
  const resource = readResource(operation['x-pop-resource'], fault)
  if (typeof requires.role !== 'string' && resource === undefined) fault('an ownership map needs x-pop-resource')
  const stream = readStream(operation['x-pop-stream'], fault)
  const body = readBody(source.document, operation['requestBody'], fault)
  const parameters = [source.item['parameters'], operation['parameters']].flatMap((list) =>
    readParameters(source, list, fault),
  )
  for (const [, name] of source.template.matchAll(/\{([^}+]*)\+?\}/g)) {
    if (!parameters.some((parameter) => parameter.in === 'path' && parameter.name === name)) {
      fault(`the path parameter ${name} has no schema`)
    }
  }
  return {
    id,
    method: source.method,
    template: source.template,
    operationId: typeof operation['operationId'] === 'string' ? operation['operationId'] : id,
    requires,
    calls: Array.isArray(operation['x-pop-calls']) ? operation['x-pop-calls'].map(String) : [],
    parameters,
    answerHeaders: readAnswerHeaders(source.document, operation['responses']),
    ...(resource === undefined ? {} : { resource }),
    ...(stream === undefined ? {} : { stream }),
    ...(body === undefined ? {} : { body }),
  }
}

const requirementMembers = ['role', 'module', 'bound', 'max_age']
/** As long as an access token may live at most. */
const maxAgeSecondsMax = 86_400

function readRequirement(value: unknown, permissions: readonly string[], fault: Fault): Requirement {
  if (!isRecord(value)) {
    fault('x-pop-requires is missing: say which role permission and which module permission it needs')
    return { role: '', module: '' }
  }
  // A requirement that nobody reads would be one that nobody asks for.
  const odd = Object.keys(value).find((name) => !requirementMembers.includes(name))
  if (odd !== undefined) fault(`x-pop-requires.${odd} is not one of ${requirementMembers.join(', ')}`)
  const { module, bound, max_age: maxAge } = value
  if (typeof module !== 'string' || !permissions.includes(module))
    fault(`x-pop-requires.module must be one of ${permissions.join(', ')}`)
  if (bound !== undefined && bound !== true)
    fault('x-pop-requires.bound must be true; leave it out where any token is enough')
  return {
    role: readRole(value['role'], fault),
    module: String(module),
    ...(bound === true ? { bound } : {}),
    ...(maxAge === undefined ? {} : { maxAgeSeconds: readMaxAge(maxAge, fault) }),
  }
}

function readMaxAge(value: unknown, fault: Fault): number {
  if (isCount(value) && value >= 1 && value <= maxAgeSecondsMax) return value
  fault(`x-pop-requires.max_age must be a whole number of seconds from 1 to ${maxAgeSecondsMax}`)
  return 0
}

function readRole(role: unknown, fault: Fault): RoleRequirement {
  if (typeof role === 'string' && wordShape.test(role)) return role
  const entries = isRecord(role) ? Object.entries(role) : []
  const valid = entries.every(
    ([key, word]) => ownerships.some((known) => known === key) && wordShape.test(String(word)),
  )
  if (entries.length === 0 || !valid)
    fault('x-pop-requires.role must be a role permission, or a map of any, own, public to one')
  return Object.fromEntries(entries.map(([key, word]) => [key, String(word)]))
}

function readResource(value: unknown, fault: Fault): ResourceRule | undefined {
  if (value === undefined) return undefined
  const rule = isRecord(value) ? value : {}
  const effect = effects.find((known) => known === rule['effect'])
  const [, from, name] = /^(path|body)\.([A-Za-z_][A-Za-z0-9_]*)$/.exec(String(rule['id'])) ?? []
  if (typeof rule['kind'] !== 'string' || !wordShape.test(rule['kind'])) fault('x-pop-resource.kind must be a word')
  if (effect === undefined) fault(`x-pop-resource.effect must be one of ${effects.join(', ')}`)
  if (effect === 'list' ? typeof rule['items'] !== 'string' || typeof rule['key'] !== 'string' : name === undefined) {
    fault(
      effect === 'list'
        ? 'a list needs x-pop-resource.items and .key'
        : 'x-pop-resource.id must be path.NAME or body.NAME',
    )
  }
  return {
    kind: String(rule['kind']),
    effect: effect ?? 'read',
    ...(name === undefined ? {} : { id: { from: from === 'body' ? 'body' : 'path', name } }),
    ...(typeof rule['items'] === 'string' ? { items: rule['items'] } : {}),
    ...(typeof rule['key'] === 'string' ? { key: rule['key'] } : {}),
  }
}

function readStream(value: unknown, fault: Fault): 'upload' | 'events' | undefined {
  if (value === undefined || value === 'upload' || value === 'events') return value
  fault('x-pop-stream must be upload or events')
  return undefined
}

function readBody(document: ManifestDocument, value: unknown, fault: Fault): Operation['body'] {
  const body = resolveReference(document, value)
  if (body === undefined) return undefined
  const content = isRecord(body) && isRecord(body['content']) ? body['content'] : {}
  const schemas: Record<string, Readonly<Record<string, unknown>>> = {}
  for (const [mediaType, media] of Object.entries(content)) {
    const schema = isRecord(media) ? media['schema'] : undefined
    if (isRecord(schema)) schemas[mediaType] = schema
    else fault(`the body ${mediaType} has no schema`)
  }
  if (Object.keys(schemas).length === 0) fault('requestBody has no content')
  return { required: isRecord(body) && body['required'] === true, content: schemas }
}

function readParameters(source: OperationSource, list: unknown, fault: Fault): Parameter[] {
  if (!Array.isArray(list)) return []
  return list.flatMap((value): Parameter[] => {
    const parameter = resolveReference(source.document, value)
    if (!isRecord(parameter) || typeof parameter['name'] !== 'string' || !isRecord(parameter['schema'])) {
      fault('a parameter needs a name and a schema')
      return []
    }
    const place = parameter['in']
    if (place !== 'path' && place !== 'query' && place !== 'header') {
      fault(`the parameter ${parameter['name']} must be in path, query or header`)
      return []
    }
    const name = place === 'header' ? parameter['name'].toLowerCase() : parameter['name']
    return [
      { name, in: place, required: place === 'path' || parameter['required'] === true, schema: parameter['schema'] },
    ]
  })
}

function readAnswerHeaders(document: ManifestDocument, responses: unknown): string[] {
  const names = new Set<string>()
  for (const value of isRecord(responses) ? Object.values(responses) : []) {
    const answer = resolveReference(document, value)
    const headers = isRecord(answer) && isRecord(answer['headers']) ? answer['headers'] : {}
    for (const name of Object.keys(headers)) names.add(name.toLowerCase())
  }
  return [...names]
}
