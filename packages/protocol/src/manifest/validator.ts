import { Ajv2020, type ValidateFunction } from 'ajv/dist/2020.js'
import formats from 'ajv-formats'
import { parseStrictJson } from '../encoding/strict-json.ts'
import { PopError } from '../problem/pop-error.ts'
import type { FlatFields } from '../seal/terms.ts'
import type { CanonicalTarget } from '../target/canonical-target.ts'
import type { ManifestDocument, Operation, Parameter } from './manifest.ts'

/** A request's parameters and body as the manifest's schemas took them. */
export interface OperationInput {
  /** Path parameters. */
  readonly parameters: Readonly<Record<string, string>>
  /** Query parameters, each of the type of its schema; absent ones have the schema's default, or are not there. */
  readonly query: Readonly<Record<string, unknown>>
  /** Fields that crossed, names in lower case. */
  readonly headers: Readonly<Record<string, string>>
  /** The parsed JSON body; undefined for none. */
  readonly body: unknown
}

interface UncheckedInput {
  readonly parameters: Readonly<Record<string, string>>
  readonly target: CanonicalTarget
  readonly headers: FlatFields
  readonly body: Uint8Array
}

/**
 * Checks a request against its operation. Throws `parameter-invalid`, `media-type-unsupported`, `body-malformed` or
 * `body-invalid`. Gateway and module run this same code, so that one request has one meaning on both sides.
 */
export type Validator = (input: UncheckedInput) => OperationInput

type Check = ValidateFunction

const strictUtf8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true })

/** Compiles the schemas of an operation. Throws an Error for a schema that is none. */
export function compileValidator(operation: Operation, document: ManifestDocument): Validator {
  const ajv = new Ajv2020({ strict: true, strictTypes: false, strictRequired: false, useDefaults: false })
  formats.default(ajv)
  // Words of OpenAPI that say nothing about a value; `components` is where the references of a schema lead.
  ajv.addVocabulary(['components', 'example', 'externalDocs', 'xml', 'discriminator'])
  const components = document['components'] ?? {}
  const compile = (schema: object): Check => ajv.compile({ components, allOf: [schema] })
  const parameters = operation.parameters.map((parameter) => ({ parameter, check: compile(parameter.schema) }))
  const schema = operation.body?.content['application/json']
  const body = schema === undefined ? undefined : compile(schema)
  return (input) => {
    const query = readQuery(operation.parameters, input.target)
    const headers = readHeaders(input.headers)
    for (const { parameter, check } of parameters) {
      const values = { path: input.parameters, query, header: headers }[parameter.in]
      checkParameter(parameter, check, values)
    }
    const value = readBody(operation, input.body, headers['content-type'])
    if (value !== undefined && body !== undefined && !body(value)) {
      throw new PopError('body-invalid', 'The body does not match the schema.', { members: { errors: faults(body) } })
    }
    return { parameters: input.parameters, query, headers, body: value }
  }
}

function checkParameter(parameter: Parameter, check: Check, values: Readonly<Record<string, unknown>>): void {
  const value = Object.hasOwn(values, parameter.name) ? values[parameter.name] : undefined
  if (value === undefined) {
    if (!parameter.required) return
    throw new PopError('parameter-invalid', `The parameter ${parameter.name} is missing.`)
  }
  if (!check(value)) {
    throw new PopError('parameter-invalid', `The parameter ${parameter.name} does not match its schema.`, {
      members: { errors: faults(check) },
    })
  }
}

function readQuery(parameters: readonly Parameter[], target: CanonicalTarget): Readonly<Record<string, unknown>> {
  const query: Record<string, unknown> = {}
  for (const { name, in: place, schema } of parameters) {
    if (place !== 'query') continue
    const values = target.query.filter((pair) => pair.name === name).map((pair) => pair.value)
    if (schema['type'] === 'array') {
      if (values.length > 0) query[name] = values
      continue
    }
    if (values.length > 1) throw new PopError('parameter-invalid', `The parameter ${name} is there more than once.`)
    const [value] = values
    const read = value === undefined ? schema['default'] : typed(value, schema['type'])
    if (read !== undefined) query[name] = read
  }
  for (const { name } of target.query) {
    if (!parameters.some((parameter) => parameter.in === 'query' && parameter.name === name))
      throw new PopError('parameter-invalid', `This operation does not declare the query parameter ${quoted(name)}.`)
  }
  return query
}

/** A text as the type of its schema; what is not written as that type stays a text, which the schema then refuses. */
function typed(text: string, type: unknown): unknown {
  if (type === 'integer' && /^(0|-?[1-9][0-9]{0,14})$/.test(text)) return Number(text)
  if (type === 'number' && /^-?(0|[1-9][0-9]{0,14})(\.[0-9]{1,15})?$/.test(text)) return Number(text)
  if (type === 'boolean' && (text === 'true' || text === 'false')) return text === 'true'
  return text
}

function readHeaders(flat: FlatFields): Readonly<Record<string, string>> {
  const headers: Record<string, string> = {}
  for (let index = 0; index + 1 < flat.length; index += 2) headers[flat[index] ?? ''] = flat[index + 1] ?? ''
  return headers
}

function readBody(operation: Operation, body: Uint8Array, contentType: string | undefined): unknown {
  if (operation.stream === 'upload') {
    checkUploadType(operation, contentType)
    return undefined
  }
  if (body.length === 0) {
    if (operation.body?.required === true) throw new PopError('body-invalid', 'This operation needs a body.')
    return undefined
  }
  if (operation.body === undefined || !/^application\/json(; ?charset=utf-8)?$/i.test(contentType ?? '')) {
    const wanted = operation.body === undefined ? 'no body' : 'application/json'
    throw new PopError('media-type-unsupported', `This operation takes ${wanted}.`)
  }
  const parsed = parseStrictJson(decode(body))
  if (!parsed.ok) throw new PopError(parsed.code, parsed.detail)
  return parsed.value
}

/** Bytes of an upload are nobody's to look at, but what they are said to be has to be among what the operation takes. */
function checkUploadType({ body }: Operation, contentType: string | undefined): void {
  const types = Object.keys(body?.content ?? {})
  const [type = ''] = (contentType ?? '').split(';')
  if (contentType === undefined || types.includes('*/*') || types.includes(type.trim().toLowerCase())) return
  throw new PopError('media-type-unsupported', `This operation takes ${types.join(' or ') || 'no typed body'}.`)
}

function decode(body: Uint8Array): string {
  try {
    return strictUtf8.decode(body)
  } catch (cause) {
    throw new PopError('body-malformed', 'The body is not UTF-8.', { cause })
  }
}

function faults(check: Check): readonly { readonly pointer: string; readonly message: string }[] {
  return (check.errors ?? []).map(({ instancePath, keyword, message = '', params }) => ({
    pointer: instancePath,
    message:
      keyword === 'not' ? 'must not be what the schema excludes by its "not"' : `${message}${particularOf(params)}`,
  }))
}

/** What ajv found, where its words do not say it: the member that may not be there, the values that may. */
function particularOf(params: Readonly<Record<string, unknown>>): string {
  const { additionalProperty, unevaluatedProperty, allowedValues, allowedValue } = params
  const name = additionalProperty ?? unevaluatedProperty
  if (typeof name === 'string') return `: ${quoted(name)}`
  const values = Array.isArray(allowedValues) ? allowedValues : allowedValue === undefined ? [] : [allowedValue]
  return values.length === 0 ? '' : `: ${values.map((value) => JSON.stringify(value)).join(', ')}`
}

/** A name that a client sent, short and plain enough for a sentence. */
function quoted(name: string): string {
  return JSON.stringify(name.length > 64 ? `${name.slice(0, 64)}…` : name)
}
