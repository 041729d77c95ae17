import { controlActions } from '@pop-api/audit'
import { standingPermission } from '@pop-api/policy'
import type { CanonicalTarget } from '@pop-api/protocol'
import { addPerson } from './add-person.ts'
import { disablePerson, enablePerson, logOutPerson, unlockPerson } from './bar-person.ts'
import { changeRoles } from './change-roles.ts'
import type { PeopleRequest } from './people-context.ts'
import { listPeople, readOnePerson, readSessions } from './read-people.ts'
import { resetPassword, resetSecondFactor } from './reset-person.ts'

/** What came with a request beside who asks; nothing of it was looked at. */
interface PeopleInput {
  readonly body: unknown
  readonly target: CanonicalTarget
}

/** One operation on people, as gateways hand it on. */
export interface PeopleOperation {
  readonly method: 'GET' | 'POST' | 'PUT'
  /** Template; `{user}` is a username or an id. */
  readonly path: string
  /** The word of the audit event. */
  readonly action: string
  /** The role permission that it needs. */
  readonly permission: string
  readonly perform: (request: PeopleRequest, input: PeopleInput) => Promise<object>
}

const users = '/v1/pop/users'
const operator = standingPermission('operator')
const auditor = standingPermission('auditor')

/** Everything that can be done about people. */
export const peopleOperations: readonly PeopleOperation[] = [
  {
    method: 'GET',
    path: users,
    action: controlActions.userList,
    permission: auditor,
    perform: (request, { target }) => listPeople(request, target.query),
  },
  {
    method: 'POST',
    path: users,
    action: controlActions.userCreation,
    permission: operator,
    perform: (request, { body }) => addPerson(request, body),
  },
  {
    method: 'GET',
    path: `${users}/{user}`,
    action: controlActions.userRead,
    permission: auditor,
    perform: readOnePerson,
  },
  {
    method: 'GET',
    path: `${users}/{user}/sessions`,
    action: controlActions.userSessions,
    permission: auditor,
    perform: readSessions,
  },
  {
    method: 'PUT',
    path: `${users}/{user}/roles`,
    action: controlActions.userRoles,
    permission: operator,
    perform: (request, { body }) => changeRoles(request, body),
  },
  order('disable', controlActions.userDisable, disablePerson),
  order('enable', controlActions.userEnable, enablePerson),
  order('unlock', controlActions.userUnlock, unlockPerson),
  order('reset-password', controlActions.userPassword, resetPassword),
  order('reset-2fa', controlActions.userSecondFactor, resetSecondFactor),
  order('logout', controlActions.userLogout, logOutPerson),
]

function order(
  verb: string,
  action: string,
  perform: (request: PeopleRequest, body: unknown) => Promise<object>,
): PeopleOperation {
  return {
    method: 'POST',
    path: `${users}/{user}/${verb}`,
    action,
    permission: operator,
    perform: (request, { body }) => perform(request, body),
  }
}
