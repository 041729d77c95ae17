import { Command } from 'commander'
import { holderOf } from '../client/decode-token.ts'
import { findGateway, type Gateway } from '../client/gateway.ts'
import { withSessionLock } from '../client/session-lock.ts'
import { writeSession, type Session } from '../client/session.ts'
import { requestToken } from '../client/token-endpoint.ts'
import { CommandFailure, usageFailure } from '../command-failure.ts'
import { writeJson } from '../print/json-line.ts'
import { printable } from '@pop-api/audit'
import type { Surroundings } from '../print/surroundings.ts'
import { readableTime } from '../print/time.ts'
import { hasFlag, textOption } from '../up/words.ts'
import { readCredentials } from './credentials.ts'
import { loginByBrowser } from './login-browser.ts'
import { loginByDevice } from './login-device.ts'

/** `pop login`: gets tokens at a gateway and keeps them for the next commands. */
export function loginCommand(around: Surroundings): Command {
  return new Command('login')
    .summary('sign in, and keep the tokens for the next commands')
    .description(
      'Signs in with a browser of this machine, with one of any other (--device), with a password and a one-time code, or as a ' +
        'client with its secret. On a terminal it asks for the name and the secrets that were not given; elsewhere it never asks. ' +
        'Secrets come from standard input, never from an option: other users see options in the list of processes. The tokens ' +
        'are kept in $XDG_CONFIG_HOME/pop (else ~/.config/pop), for you alone.',
    )
    .option('--browser', "sign in at the identity provider's own page; also where a second factor is set up")
    .option('--no-open', 'with --browser: only tell the address, open nothing')
    .option('--wait <seconds>', 'with --browser: how long to wait for the sign-in (default: 600)')
    .option('--device', 'sign in with a browser on another machine')
    .option('--user <name>', 'the user to sign in')
    .option('--password-stdin', 'read the password from standard input')
    .option('--code <code>', "the one-time code; '' where the account has none")
    .option('--client-id <id>', 'sign in as this client, without a user')
    .option('--client-secret-stdin', "read the client's secret from standard input")
    .addHelpText(
      'after',
      '\nExamples:\n  pop login --browser\n  printf %s "$PASSWORD" | pop login --user alice --password-stdin --code 123456\n',
    )
    .action(async (_options: unknown, command: Command) => {
      const gateway = await findGateway(command, around.environment)
      const keep = (grant: () => Promise<Session>): Promise<Session> =>
        withSessionLock(around.environment, gateway.origin, async () => {
          const granted = await grant()
          await writeSession(around.environment, granted)
          return granted
        })
      const session = await signIn(wayIn(command), { gateway, command, around, keep })
      await tell(session, around, hasFlag(command, 'json'))
    })
}

type WayIn =
  | { readonly by: 'browser'; readonly opensBrowser: boolean; readonly waitMs: number }
  | { readonly by: 'device' | 'credentials' }

/** Throws a CommandFailure (usage) for options of two ways. */
function wayIn(command: Command): WayIn {
  const [byBrowser, byDevice] = [hasFlag(command, 'browser'), hasFlag(command, 'device')]
  const wait = textOption(command, 'wait')
  const opensBrowser = command.getOptionValueSource('open') === 'default'
  if (!byBrowser && (wait !== undefined || !opensBrowser)) throw usageFailure('--wait and --no-open need --browser')
  if (!byBrowser && !byDevice) return { by: 'credentials' }
  const others = ['user', 'passwordStdin', 'code', 'clientId', 'clientSecretStdin']
  const isMixed = others.some((name) => command.getOptionValue(name) !== undefined)
  if (isMixed || (byBrowser && byDevice)) {
    throw usageFailure('give --browser, --device, or the options of a password or of a client, not two of them')
  }
  if (byDevice) return { by: 'device' }
  if (wait !== undefined && !/^[1-9]\d{0,3}$/.test(wait)) throw usageFailure('--wait must be seconds from 1 to 9999')
  return { by: 'browser', opensBrowser, waitMs: Number(wait ?? 600) * 1000 }
}

interface SignInFacts {
  readonly gateway: Gateway
  readonly command: Command
  readonly around: Surroundings
  readonly keep: (grant: () => Promise<Session>) => Promise<Session>
}

async function signIn(way: WayIn, { gateway, command, around, keep }: SignInFacts): Promise<Session> {
  if (way.by === 'browser') return await loginByBrowser(gateway, around, { ...way, keep })
  if (way.by === 'device') return await loginByDevice(gateway, around, keep)
  const form = await readCredentials(command, around)
  try {
    return await keep(() => requestToken(gateway, form, Date.now()))
  } catch (error) {
    const isOff = error instanceof CommandFailure && error.problem?.['code'] === 'grant-unsupported'
    if (!isOff || form['grant_type'] !== 'password') throw error
    const message = `${error.message}: passwords are not taken here. Sign in with \`pop login --browser\` or \`pop login --device\``
    throw new CommandFailure(error.exitCode, message, { cause: error })
  }
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
