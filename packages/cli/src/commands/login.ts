import { Command } from 'commander'
import { holderOf } from '../client/decode-token.ts'
import { findGateway } from '../client/gateway.ts'
import { withSessionLock } from '../client/session-lock.ts'
import { writeSession, type Session } from '../client/session.ts'
import { requestToken } from '../client/token-endpoint.ts'
import { writeJson } from '../print/json-line.ts'
import { printable } from '@pop-api/audit'
import type { Surroundings } from '../print/surroundings.ts'
import { readableTime } from '../print/time.ts'
import { hasFlag } from '../up/words.ts'
import { readCredentials } from './credentials.ts'

/** `pop login`: gets tokens at a gateway and keeps them for the next commands. */
export function loginCommand(around: Surroundings): Command {
  return new Command('login')
    .summary('sign in, and keep the tokens for the next commands')
    .description(
      'Signs in at the gateway with a password and a one-time code, or as a client with its secret. On a terminal it asks for ' +
        'what was not given; elsewhere it never asks. Secrets come from standard input, never from an option: other users see ' +
        'options in the list of processes. The tokens are kept in $XDG_CONFIG_HOME/pop (else ~/.config/pop), for you alone.',
    )
    .option('--user <name>', 'the user to sign in')
    .option('--password-stdin', 'read the password from standard input')
    .option('--code <code>', "the one-time code; '' where the account has none")
    .option('--client-id <id>', 'sign in as this client, without a user')
    .option('--client-secret-stdin', "read the client's secret from standard input")
    .addHelpText(
      'after',
      '\nExample:\n  printf %s "$PASSWORD" | pop login --user alice --password-stdin --code 123456\n',
    )
    .action(async (_options: unknown, command: Command) => {
      const gateway = await findGateway(command, around.environment)
      const form = await readCredentials(command, around)
      const session = await withSessionLock(around.environment, gateway.origin, async () => {
        const granted = await requestToken(gateway, form, Date.now())
        await writeSession(around.environment, granted)
        return granted
      })
      await tell(session, around, hasFlag(command, 'json'))
    })
}

async function tell(session: Session, { out }: Surroundings, asJson: boolean): Promise<void> {
  const { name, subject, roles } = holderOf(session.accessToken)
  const { gateway, scope, expiresAtMs, refreshToken } = session
  const isRenewable = refreshToken !== undefined
  if (asJson) {
    const expires_at = new Date(expiresAtMs).toISOString()
    await writeJson({ gateway, user: name, subject, roles, scope, expires_at, renewable: isRenewable }, out)
    return
  }
  const until = readableTime(expiresAtMs, Date.now())
  const renewal = isRenewable ? 'It is renewed by itself when it is needed.' : 'Then sign in again.'
  const held = roles.length === 0 ? 'no roles' : `roles: ${roles.join(', ')}`
  await out.writeLine(printable(`Signed in at ${gateway} as ${name} (${held}).`))
  await out.writeLine(`The token holds until ${until}. ${renewal}`)
}
