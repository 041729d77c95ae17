import type { Settings } from '@pop-api/settings'
import type { Output } from '../print/output.ts'
import { printableLines } from '../print/safe-text.ts'
import { placeOf } from './realm-request.ts'

/** The roles of the realm whose holders are operators. */
export function operatorRolesOf({ roles, operators }: Settings): readonly string[] {
  return Object.keys(roles).filter((role) => operators[role]?.includes('operator') === true)
}

/**
 * Tells how the first operator comes to be: `pop user` makes no one before there is one, and `pop realm` makes no people but those of
 * development.
 */
export async function tellFirstOperator(settings: Settings, adminRealm: string, out: Output): Promise<void> {
  const { server, realm } = placeOf(settings)
  const role = operatorRolesOf(settings).join(' or ')
  const lines = [
    '',
    `No person in the realm has the role ${role}, so nobody can use pop user yet. (What a group gives was not looked at.)`,
    `Make the first operator at ${server}/admin/${adminRealm}/console/#/${realm}/users`,
    `  add a user, set a temporary password under Credentials, assign ${role} under Role mapping (realm roles).`,
    'That person then runs: pop login --browser',
  ]
  await out.writeLine(printableLines(lines.join('\n')))
}
