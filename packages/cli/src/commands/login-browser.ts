import { createHash, randomBytes } from 'node:crypto'
import type { Gateway } from '../client/gateway.ts'
import { findIdentityProvider } from '../client/identity-provider.ts'
import { openLoopbackRedirect, type BroughtAnswer } from '../client/loopback-redirect.ts'
import { publicClientId, publicClientScope } from '../client/public-client.ts'
import type { Session } from '../client/session.ts'
import { requestToken } from '../client/token-endpoint.ts'
import { CommandFailure, exitCodes } from '../command-failure.ts'
import { printable } from '@pop-api/audit'
import type { Surroundings } from '../print/surroundings.ts'
import { openInBrowser } from './open-in-browser.ts'

export interface BrowserLoginOptions {
  /** Whether a browser is opened; the address is told in any case. */
  readonly opensBrowser: boolean
  readonly waitMs: number
  /** Keeps the session that `grant` gives, while no other `pop` changes it. */
  readonly keep: (grant: () => Promise<Session>) => Promise<Session>
}

/**
 * Signs in at the identity provider's own pages: authorization code with PKCE (RFC 7636, S256) and a loopback redirect
 * (RFC 8252). No password comes near this program. Throws a CommandFailure: refused, also when the person leaves or nobody comes,
 * or unreachable.
 */
export async function loginByBrowser(
  gateway: Gateway,
  around: Surroundings,
  { opensBrowser, waitMs, keep }: BrowserLoginOptions,
): Promise<Session> {
  const provider = await findIdentityProvider(gateway)
  await using redirect = await openLoopbackRedirect()
  const { redirectUri } = redirect
  const [verifier, state] = [secret(), secret()]
  const url = new URL(provider.authorizationEndpoint)
  url.search = new URLSearchParams({
    client_id: publicClientId,
    response_type: 'code',
    redirect_uri: redirectUri,
    scope: publicClientScope,
    state,
    code_challenge: createHash('sha256').update(verifier).digest('base64url'),
    code_challenge_method: 'S256',
  }).toString()
  // Listened for before anybody can have the address.
  const answered = redirect.waitForAnswer({ state, ...provider }, waitMs)
  const [answer] = await Promise.all([answered, tell(url.href, opensBrowser, around)])
  return await finish(answer, () =>
    keep(() => {
      const { code } = codeOf(answer)
      const form = {
        grant_type: 'authorization_code',
        client_id: publicClientId,
        code,
        redirect_uri: redirectUri,
        code_verifier: verifier,
      }
      return requestToken(gateway, form, Date.now())
    }),
  )
}

async function tell(url: string, opensBrowser: boolean, around: Surroundings): Promise<void> {
  await around.err.writeLine(`Sign in with a browser on this machine at\n\n  ${url}\n`)
  if (opensBrowser) openInBrowser(url, around)
}

/** The person sees how it ended in the browser too. */
async function finish(answer: BroughtAnswer, grant: () => Promise<Session>): Promise<Session> {
  try {
    const session = await grant()
    await answer.finish('Signed in', 'You may close this window and go back to the terminal.')
    return session
  } catch (error) {
    await answer.finish('Not signed in', 'The terminal says why. You may close this window.')
    throw error
  }
}

function codeOf({ outcome }: BroughtAnswer): { readonly code: string } {
  if ('code' in outcome) return outcome
  const { error, description } = outcome
  const said = description === undefined ? error : `${error}: ${description}`
  const what =
    error === 'access_denied' ? 'the sign-in was left or refused' : 'the identity provider refused the sign-in'
  throw new CommandFailure(exitCodes.refused, `${what} (${printable(said.slice(0, 300))}). Nobody was signed in`)
}

function secret(): string {
  return randomBytes(32).toString('base64url')
}
