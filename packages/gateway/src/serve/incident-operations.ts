import { standingPermission } from '@pop-api/policy'
import {
  factsOfRequest,
  identifyRevocation,
  indexRevocations,
  isCount,
  isJsonObject,
  isRevocation,
  isTextList,
  PopError,
  readRevocationRequest,
  revocationsMax,
  type BulletinPosition,
  type JsonObject,
  type Revocation,
} from '@pop-api/protocol'
import type { Bulletin } from '@pop-api/workload'
import type { Answer } from '../answer.ts'
import { marksOf, type Revocations } from '../revoke/revocations.ts'
import { handOn, unreadable, type ControlDesk } from './hand-to-control.ts'
import type { OwnOperation, OwnRequest } from './operation.ts'
import { readJsonBody } from './read-json-body.ts'
import { jsonAnswer } from './serve.ts'
import { untilApplied } from './until-applied.ts'

/** What these operations work with. */
export interface IncidentOptions extends ControlDesk {
  readonly revocations: Pick<Revocations, 'list' | 'underWay'>
  readonly bulletin: Pick<Bulletin, 'position' | 'onChange'>
  readonly nowMs: () => number
}

const path = '/v1/pop/incidents'
const text = { type: 'string', minLength: 1 }
const requestSchema = {
  type: 'object',
  required: ['reason'],
  properties: {
    session: { ...text, description: 'sid of a session' },
    user: { ...text, description: 'subject: user:ID, or client:ID' },
    client: { ...text, description: 'id of the client that tokens were issued to' },
    token: { ...text, description: 'jti of a token; never the token itself' },
    key: { ...text, description: 'kid of a key of the provider' },
    reason: { ...text, maxLength: 200 },
    dry_run: { type: 'boolean', default: false, description: 'only tell whom it would meet at this gateway' },
  },
  additionalProperties: false,
}
const idParameter = { name: 'id', in: 'path', required: true, schema: { type: 'string' } }

/** `GET /v1/pop/incidents`, and the order and the taking back of a revocation. */
export function incidentOperations(options: IncidentOptions): readonly OwnOperation[] {
  const operator = { role: standingPermission('operator') }
  return [
    {
      kind: 'own',
      method: 'GET',
      path,
      summary: 'What is revoked',
      action: 'incident_read',
      requires: { role: standingPermission('auditor') },
      serve: () =>
        jsonAnswer(200, {
          revocations: options.revocations.list(),
          revocations_max: revocationsMax,
          ...positionOf(options),
        }),
    },
    {
      kind: 'own',
      method: 'POST',
      path: `${path}/revocations`,
      summary: 'Revoke a session, a user, a client, a token or a key',
      requestBody: { required: true, content: { 'application/json': { schema: requestSchema } } },
      action: 'revocation',
      requires: operator,
      serve: (request) => revoke(request, options),
    },
    {
      kind: 'own',
      method: 'DELETE',
      path: `${path}/revocations/{id}`,
      parameters: [idParameter],
      summary: 'Take a revocation back',
      action: 'revocation_undo',
      requires: operator,
      serve: (request) => takeBack(request, options),
    },
  ]
}

function positionOf({ bulletin }: IncidentOptions): { readonly position: BulletinPosition } {
  return { position: bulletin.position() }
}

/** Answered once it is in force here too. */
async function revoke(request: OwnRequest, options: IncidentOptions): Promise<Answer> {
  const body = await readJsonBody(request, 'application/json')
  const read = readRevocationRequest(body)
  if (!read.ok) throw new PopError(read.code, read.detail)
  if (read.value.dry_run) {
    request.notes.action = 'revocation_dry_run'
    const wanted = identifyRevocation(factsOfRequest(read.value, Math.floor(options.nowMs() / 1000)))
    const index = indexRevocations([wanted])
    const meets = options.revocations.underWay.meet((caller) => index.covers(marksOf(caller), 0))
    return jsonAnswer(200, { dry_run: true, revocation: wanted, at_this_gateway: meets })
  }
  const { revocation, position } = answerOf(await handOn(request, body, options))
  await untilApplied(options.bulletin, position)
  return jsonAnswer(201, { revocation })
}

async function takeBack(request: OwnRequest, options: IncidentOptions): Promise<Answer> {
  const answer = await handOn(request, undefined, options)
  const { revocation, position } = answerOf(answer)
  const { others } = answer
  if (!isTextList(others, revocationsMax, 64)) throw unreadable()
  await untilApplied(options.bulletin, position)
  return jsonAnswer(200, { taken_back: revocation, still_revoked_by: others })
}

/** Reads control's answer: control is trusted, but it may be of another version. */
function answerOf({ revocation, position }: JsonObject): {
  readonly revocation: Revocation
  readonly position: BulletinPosition
} {
  const { epoch, sequence } = isJsonObject(position) ? position : {}
  if (isRevocation(revocation) && isCount(epoch) && isCount(sequence))
    return { revocation, position: { epoch, sequence } }
  throw unreadable()
}
