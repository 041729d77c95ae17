import { setTimeout as pause } from 'node:timers/promises'
import { printable } from '@pop-api/audit'
import { authorizeDevice, type DeviceAuthorization } from '../client/device-authorization.ts'
import type { Gateway } from '../client/gateway.ts'
import { publicClientId } from '../client/public-client.ts'
import type { Session } from '../client/session.ts'
import { requestToken } from '../client/token-endpoint.ts'
import { CommandFailure, exitCodes } from '../command-failure.ts'
import type { Surroundings } from '../print/surroundings.ts'

const grantType = 'urn:ietf:params:oauth:grant-type:device_code'
/** RFC 8628 section 3.5. */
const slowDownMs = 5_000
const intervalMaxMs = 60_000

/**
 * Signs in from a machine without a browser: a person types a code at the identity provider's own page, on any other (RFC 8628).
 * Throws a CommandFailure: refused, also when the person refuses or nobody comes in time, or unreachable.
 */
export async function loginByDevice(
  gateway: Gateway,
  around: Surroundings,
  keep: (grant: () => Promise<Session>) => Promise<Session>,
): Promise<Session> {
  const asked = await authorizeDevice(gateway)
  await tell(asked, around)
  const untilMs = performance.now() + asked.expiresInMs
  let { intervalMs } = asked
  while (performance.now() + intervalMs < untilMs) {
    await pause(intervalMs)
    const proof = { device_code: asked.deviceCode, code_verifier: asked.verifier }
    const form = { grant_type: grantType, client_id: publicClientId, ...proof }
    try {
      return await keep(() => requestToken(gateway, form, Date.now()))
    } catch (error) {
      intervalMs = nextInterval(error, intervalMs)
    }
  }
  throw tooLate()
}

async function tell(
  { userCode, verificationUri, verificationUriComplete }: DeviceAuthorization,
  { err }: Surroundings,
) {
  await err.writeLine(`On any device with a browser, open\n\n  ${printable(verificationUri)}\n`)
  await err.writeLine(`and type the code\n\n  ${err.paint('bold', printable(userCode))}\n`)
  if (verificationUriComplete !== undefined) {
    await err.writeLine(`or open ${printable(verificationUriComplete)} and compare it.\n`)
  }
  await err.writeLine('Waiting for the sign-in there; Ctrl-C gives up.')
}

/** How long to wait after a try that gave no token. Throws for one after which no other can help. */
function nextInterval(error: unknown, intervalMs: number): number {
  if (!(error instanceof CommandFailure)) throw error
  switch (error.problem?.['error']) {
    case 'authorization_pending':
      return intervalMs
    case 'slow_down':
      return intervalMs + slowDownMs
    case 'access_denied':
      throw new CommandFailure(exitCodes.refused, 'the sign-in was refused on the other device. Nobody was signed in')
    case 'expired_token':
      throw tooLate()
    case 'temporarily_unavailable':
      return Math.min(2 * intervalMs, intervalMaxMs)
    default:
      // RFC 8628 section 3.5: a connection that failed is tried again, less often.
      if (error.exitCode === exitCodes.unreachable) return Math.min(2 * intervalMs, intervalMaxMs)
      throw error
  }
}

function tooLate(): CommandFailure {
  return new CommandFailure(
    exitCodes.refused,
    'nobody signed in before the code ended. Begin again with `pop login --device`',
  )
}
