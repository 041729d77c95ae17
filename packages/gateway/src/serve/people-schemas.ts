import type { JsonObject } from '@pop-api/protocol'

// What the operations on people take, as OpenAPI 3.1 describes it. Control reads it; these only tell.

const text = { type: 'string', minLength: 1, maxLength: 255 }
const reason = { type: 'string', minLength: 1, maxLength: 200, description: 'for the audit log' }
const roles = { type: 'array', items: { type: 'string' }, maxItems: 64, description: 'roles of pop.yaml' }
const password = {
  type: 'string',
  maxLength: 256,
  description: 'good for one sign-in; without one it is made, and stands in the answer alone',
}

/** A person by what stands in the path. */
export const userParameter = {
  name: 'user',
  in: 'path',
  required: true,
  description: 'username or id, exactly',
  schema: text,
}

export const listParameters: readonly JsonObject[] = [
  {
    name: 'search',
    in: 'query',
    description: 'beginning of a username, a name or an e-mail address',
    schema: { type: 'string', minLength: 1, maxLength: 100 },
  },
  { name: 'first', in: 'query', schema: { type: 'integer', minimum: 0, maximum: 1_000_000, default: 0 } },
  { name: 'max', in: 'query', schema: { type: 'integer', minimum: 1, maximum: 200, default: 50 } },
]

export const newUserBody = bodyOf({ username: text, email: text, first_name: text, last_name: text, roles, password }, [
  'username',
])
export const rolesBody = bodyOf({ roles, reason }, ['roles'])
export const reasonBody = bodyOf({ reason }, [])
export const passwordBody = bodyOf({ password, reason }, [])

function bodyOf(properties: JsonObject, required: readonly string[]): JsonObject {
  const schema = { type: 'object', properties, required, additionalProperties: false }
  return { required: required.length > 0, content: { 'application/json': { schema } } }
}
