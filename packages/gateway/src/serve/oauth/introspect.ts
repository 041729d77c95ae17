import { PopError, type JsonObject } from '@pop-api/protocol'
import type { Answer } from '../../answer.ts'
import { stillHolding } from '../../identify/still-holding.ts'
import { ownerOfToken, type Authenticator } from '../../identify/verify-token.ts'
import type { OpenOperation, OpenRequest } from '../operation.ts'
import { jsonAnswer } from '../serve.ts'
import { readClient, requireConfidential } from './client.ts'
import { readForm, requireParameter } from './form.ts'
import type { SignInOptions } from './token.ts'

type IntrospectionOptions = Pick<SignInOptions, 'provider' | 'authenticator'>

/**
 * `POST /oauth/introspect` (RFC 7662): what the provider tells this very client about a token. A token that was revoked here is
 * not active, whatever the provider still says of it.
 */
export function introspectionOperation(options: IntrospectionOptions): OpenOperation {
  return {
    kind: 'open',
    method: 'POST',
    path: '/oauth/introspect',
    summary: 'What a token says, for services',
    action: 'token_introspection',
    serve: (request) => introspect(request, options),
  }
}

async function introspect(request: OpenRequest, { provider, authenticator }: IntrospectionOptions): Promise<Answer> {
  const form = readForm(request)
  const client = requireConfidential(readClient(request.received.fields, form))
  request.notes.account = client.id
  const token = requireParameter(form, 'token')
  const told = await provider().introspectAs(token, form.get('token_type_hint'), client)
  const answer: JsonObject = told !== undefined && (await isHolding(token, authenticator)) ? told : { active: false }
  return jsonAnswer(200, answer)
}

/**
 * False for a token that was revoked here. True also for one that is for the service that asks and not for this gateway, and for what
 * is no access token: of those the provider alone can tell.
 */
async function isHolding(token: string, authenticator: Authenticator): Promise<boolean> {
  const owner = await ownerOfToken(token, authenticator)
  if (owner === undefined) return true
  try {
    stillHolding(owner, authenticator.revocations, authenticator.nowMs())
    return true
  } catch (error) {
    if (error instanceof PopError && error.status === 401) return false
    throw error
  }
}
