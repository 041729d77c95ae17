import { hash, randomBytes } from 'node:crypto'
import type { IdentityWorld } from './identity-world.ts'

export const redirectUri = 'http://127.0.0.1:50123/callback'

/** Where a browser of the testkit has come to, as far as it matters here. */
interface Shown {
  readonly url: URL
  readonly hasLeft: boolean
  readonly text: string
}

/** A browser of the testkit: that package starts identity, so this one does not import it. */
interface TestBrowser<Page extends Shown> {
  readonly open: (url: string) => Promise<Page>
  readonly submit: (page: Page, fields: Readonly<Record<string, string>>) => Promise<Page>
}

type Changed = Readonly<Record<string, string | undefined>>

/** The code flow as the command line goes through it, in browsers that `openBrowser` makes. */
export function codeFlow<Page extends Shown, Browser extends TestBrowser<Page>>(
  openBrowser: (site: string, ca: string) => Browser & TestBrowser<Page>,
) {
  /** Opens the authorization endpoint, with parameters changed, or left out where undefined. */
  async function begin(
    pop: IdentityWorld,
    changed: Changed = {},
    browser: Browser & TestBrowser<Page> = openBrowser(pop.identity.issuer, pop.ca),
  ) {
    const [verifier, state] = [secret(), secret()]
    const parameters = {
      client_id: 'pop-cli',
      response_type: 'code',
      redirect_uri: redirectUri,
      scope: 'openid',
      state,
      code_challenge: hash('sha256', verifier, 'base64url'),
      code_challenge_method: 'S256',
      ...changed,
    }
    const query = new URLSearchParams()
    for (const [name, value] of Object.entries(parameters)) if (value !== undefined) query.set(name, value)
    const page = await browser.open(`${pop.identity.issuer}/protocol/openid-connect/auth?${query.toString()}`)
    return { browser, verifier, state, page }
  }

  /** Signs a user in from the first page to the code. */
  async function codeFor(pop: IdentityWorld, username: string) {
    const begun = await begin(pop)
    const code = codeOf(await begun.browser.submit(begun.page, fill(pop, username)))
    return { ...begun, code }
  }

  return { begin, codeFor }
}

/** Fills in the form with the right password, and the present code of a user who has one. */
export function fill(pop: IdentityWorld, username: string): Readonly<Record<string, string>> {
  const { password, totp_secret: totpSecret } = pop.user(username)
  return { username, password, totp: totpSecret === undefined ? '' : pop.code(username) }
}

/** The code that a browser has brought to the redirect address; throws where there is none. */
export function codeOf({ url, hasLeft, text }: Shown): string {
  const code = hasLeft ? url.searchParams.get('code') : null
  if (code === null) throw new Error(`the browser brought no code: ${url.href}\n${text}`)
  return code
}

/** Gives a code to the token endpoint as the command line does, with parameters changed. */
export function redeem(
  pop: IdentityWorld,
  { verifier }: { readonly verifier: string },
  code: string,
  changed: Readonly<Record<string, string>> = {},
) {
  return pop.call('/protocol/openid-connect/token', {
    grant_type: 'authorization_code',
    client_id: 'pop-cli',
    code,
    redirect_uri: redirectUri,
    code_verifier: verifier,
    ...changed,
  })
}

function secret(): string {
  return randomBytes(32).toString('base64url')
}
