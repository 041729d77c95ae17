import { Command } from 'commander'
import { findGateway, type Gateway } from '../client/gateway.ts'
import { withSessionLock } from '../client/session-lock.ts'
import { readSession, removeSession, type Session } from '../client/session.ts'
import { endSession } from '../client/token-endpoint.ts'
import { CommandFailure, exitCodes } from '../command-failure.ts'
import { writeJson } from '../print/json-line.ts'
import type { Surroundings } from '../print/surroundings.ts'
import { hasFlag } from '../up/words.ts'

/** `pop logout`: ends the session at the gateway and forgets its tokens, the latter in any case. */
export function logoutCommand(around: Surroundings): Command {
  return new Command('logout')
    .summary('end the session and forget its tokens')
    .description('Ends the session at the gateway and removes its tokens here; the tokens go also when nobody answers.')
    .action(async (_options: unknown, command: Command) => {
      const { environment, out } = around
      const gateway = await findGateway(command, environment)
      const isEnded = await withSessionLock(environment, gateway.origin, async () => {
        const session = await readSession(environment, gateway.origin)
        if (session === undefined) return false
        await end(session, gateway, around)
        return true
      })
      if (hasFlag(command, 'json')) await writeJson({ gateway: gateway.origin, session_ended: isEnded }, out)
      else
        await out.writeLine(isEnded ? `Signed out at ${gateway.origin}.` : `Nobody is signed in at ${gateway.origin}.`)
    })
}

async function end(session: Session, gateway: Gateway, { environment }: Surroundings): Promise<void> {
  try {
    await endSession(gateway, session)
  } catch (error) {
    if (!(error instanceof CommandFailure)) throw error
    const what =
      error.exitCode === exitCodes.unreachable
        ? 'The tokens are removed here, but the session was not ended there: it lasts until it runs out'
        : 'The tokens are removed here; whether the session was ended there is not known'
    throw new CommandFailure(error.exitCode, `${error.message}. ${what}`, {
      cause: error,
      ...(error.problem === undefined ? {} : { problem: error.problem }),
    })
  } finally {
    await removeSession(environment, gateway.origin)
  }
}
