import { standingPermission } from '@pop-api/policy'
import { isCount, isJsonObject, type BulletinPosition, type JsonObject } from '@pop-api/protocol'
import type { Bulletin } from '@pop-api/workload'
import type { Answer } from '../answer.ts'
import { limitConcurrency } from '../limit/concurrency.ts'
import { handOn, unreadable, type ControlDesk } from './hand-to-control.ts'
import type { OwnOperation, OwnRequest } from './operation.ts'
import { listParameters, newUserBody, passwordBody, reasonBody, rolesBody, userParameter } from './people-schemas.ts'
import { readJsonBody } from './read-json-body.ts'
import { jsonAnswer } from './serve.ts'
import { untilApplied } from './until-applied.ts'

/** What these operations work with. */
export interface PeopleOptions extends ControlDesk {
  readonly bulletin: Pick<Bulletin, 'position' | 'onChange'>
}

/** Each holds one of the few connections that control takes from a gateway, for as long as Keycloak takes: orders of revocation need some. */
const limits = { perCaller: 2, all: 16, what: 'questions and orders about users' }

const path = '/v1/pop/users'
const operator = { role: standingPermission('operator') }
const auditor = { role: standingPermission('auditor') }

/** What control did. */
interface Handed {
  readonly document: JsonObject
  readonly position: BulletinPosition | undefined
}

type Hand = (request: OwnRequest, body: unknown) => Promise<Handed>

/** The operations on people under `/v1/pop/users`. Control performs them; it alone may ask Keycloak. */
export function peopleOperations(options: PeopleOptions): readonly OwnOperation[] {
  const underWay = limitConcurrency(limits)
  const hand: Hand = async (request, body) => {
    const end = underWay.begin(request.permitted.identified.caller.subject)
    try {
      return answerOf(await handOn(request, body, options))
    } finally {
      end()
    }
  }
  const read = (under: string, summary: string, action: string): OwnOperation => ({
    kind: 'own',
    method: 'GET',
    path: `${path}${under}`,
    parameters: under === '' ? listParameters : [userParameter],
    summary,
    action,
    requires: auditor,
    serve: async (request) => jsonAnswer(200, (await hand(request, undefined)).document),
  })
  const order = (verb: string, summary: string, action: string, requestBody = reasonBody): OwnOperation => ({
    kind: 'own',
    method: 'POST',
    path: `${path}/{user}/${verb}`,
    parameters: [userParameter],
    summary,
    requestBody,
    action,
    requires: operator,
    serve: async (request) =>
      await change(await hand(request, (await readJsonUnlessEmpty(request)) ?? {}), 200, options),
  })
  return [
    read('', 'The users', 'user_list'),
    {
      kind: 'own',
      method: 'POST',
      path,
      summary: 'Add a user, who chooses a password and a second factor at the first sign-in',
      requestBody: newUserBody,
      action: 'user_creation',
      requires: operator,
      serve: async (request) =>
        await change(await hand(request, await readJsonBody(request, 'application/json')), 201, options),
    },
    read('/{user}', 'A user', 'user_read'),
    read('/{user}/sessions', 'The sessions of a user', 'user_sessions_read'),
    {
      kind: 'own',
      method: 'PUT',
      path: `${path}/{user}/roles`,
      parameters: [userParameter],
      summary: 'Set the roles of a user; whoever loses one is signed out',
      requestBody: rolesBody,
      action: 'user_roles_change',
      requires: operator,
      serve: async (request) =>
        await change(await hand(request, await readJsonBody(request, 'application/json')), 200, options),
    },
    order('disable', 'Let a user in no more, and end all that the user holds', 'user_disable'),
    order('enable', 'Let a user in again', 'user_enable'),
    order('unlock', 'Forget the failures that lock a user out', 'user_unlock'),
    order('reset-password', 'Give a user another password for one sign-in', 'user_password_reset', passwordBody),
    order('reset-2fa', 'Make a user set up another second factor', 'user_second_factor_reset'),
    order('logout', 'End all that a user holds', 'user_logout'),
  ]
}

/** Answered once what it revoked is revoked here too. A made password is in the answer, which nobody keeps. */
async function change({ document, position }: Handed, status: number, { bulletin }: PeopleOptions): Promise<Answer> {
  if (position !== undefined) await untilApplied(bulletin, position)
  return jsonAnswer(status, document, ['pragma', 'no-cache'])
}

/** Undefined where nothing was sent at all. */
async function readJsonUnlessEmpty(request: OwnRequest): Promise<unknown> {
  const { framing } = request.permitted.identified.routed.received
  return framing.kind !== 'none' ? await readJsonBody(request, 'application/json') : undefined
}

/** Reads control's answer: control is trusted, but it may be of another version. What it tells of people is for the client to read. */
function answerOf({ position, ...document }: JsonObject): Handed {
  if (!isJsonObject(document['user']) && !Array.isArray(document['users'])) throw unreadable()
  if (position === undefined) return { document, position }
  const { epoch, sequence } = isJsonObject(position) ? position : {}
  if (isCount(epoch) && isCount(sequence)) return { document, position: { epoch, sequence } }
  throw unreadable()
}
