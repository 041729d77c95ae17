import { isTextList, PopError, readTestTokenRequest, testLifeSecondsMax, type JsonObject } from '@pop-api/protocol'
import { allowsTestTokens, type GatewaySettings } from '@pop-api/settings'
import type { Answer } from '../answer.ts'
import { PermissionDenied } from '../permit/permit.ts'
import { handOn, unreadable, type ControlDesk } from './hand-to-control.ts'
import type { OwnOperation, OwnRequest } from './operation.ts'
import { readJsonBody } from './read-json-body.ts'
import { jsonAnswer } from './serve.ts'

/** What the operation works with. */
export interface TestTokenOptions extends ControlDesk {
  readonly settings: () => GatewaySettings
}

const requestSchema = {
  type: 'object',
  required: ['roles'],
  additionalProperties: false,
  properties: {
    roles: { type: 'array', items: { type: 'string' }, minItems: 1, maxItems: 16 },
    name: { type: 'string', default: 'tester' },
    life_seconds: { type: 'integer', minimum: 1, maximum: testLifeSecondsMax, default: testLifeSecondsMax },
  },
}

/** `POST /v1/pop/test-tokens`: a token of a made-up person, where the environment in force allows it. Control makes it. */
export function testTokenOperation(options: TestTokenOptions): OwnOperation {
  return {
    kind: 'own',
    method: 'POST',
    path: '/v1/pop/test-tokens',
    summary: 'Make a test token (development)',
    requestBody: { required: true, content: { 'application/json': { schema: requestSchema } } },
    action: 'test_token_mint',
    requires: { role: 'modify_settings' },
    serve: (request) => makeTestToken(request, options),
  }
}

async function makeTestToken(request: OwnRequest, options: TestTokenOptions): Promise<Answer> {
  const { identified, decision } = request.permitted
  if (!allowsTestTokens(options.settings()))
    throw new PopError('test-tokens-not-allowed', 'The environment in force does not allow test tokens.')
  // One that begets another would never end, and nobody would know whose it is.
  if (identified.caller.testToken === true)
    throw new PermissionDenied(decision, 'a test token makes no other test token')
  const read = readTestTokenRequest(await readJsonBody(request, 'application/json'))
  if (!read.ok) throw new PopError(read.code, read.detail)
  return answerOf(await handOn(request, read.value, options))
}

/** Reads control's answer: control is trusted, but it may be of another version. */
function answerOf({ access_token: token, expires_in: life, subject, roles }: JsonObject): Answer {
  const isKnown = typeof token === 'string' && typeof life === 'number' && typeof subject === 'string'
  if (!isKnown || !isTextList(roles, 64, 128)) throw unreadable()
  const answer = { access_token: token, token_type: 'Bearer', expires_in: life, subject, roles }
  return jsonAnswer(201, answer, ['pragma', 'no-cache'])
}
