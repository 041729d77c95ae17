import { randomBytes } from 'node:crypto'
import type { IncomingMessage, ServerResponse } from 'node:http'
import { isJsonObject, PopError } from '@pop-api/protocol'
import { errors, type Interaction, type InteractionResult, type Provider } from 'oidc-provider'
import type { DevUser } from '../dev-users.ts'
import { enrolmentPage } from '../pages/enrolment-page.ts'
import { errorPage } from '../pages/notice-page.ts'
import type { Page } from '../pages/page.ts'
import { signInPage } from '../pages/sign-in-page.ts'
import { beginGrant, knownScopes } from '../provider/begin-grant.ts'
import { endpoints } from '../provider/endpoints.ts'
import { factsOf, secondFactorAcr } from '../provider/token-claims.ts'
import { readForm } from '../session/read-form.ts'
import type { SessionAnswer } from '../session/session-endpoints.ts'
import type { ArtifactStore } from '../state/artifact-store.ts'
import type { SignedIn, SignIn } from '../sign-in/sign-in.ts'
import { encodeBase32 } from '../totp.ts'
import { isFormToken } from './form-token.ts'
import { interactionFacts } from './interaction-facts.ts'

export interface SignInPagesOptions {
  readonly provider: Provider
  readonly issuer: string
  readonly users: readonly DevUser[]
  readonly signIn: SignIn
  readonly artifacts: Pick<ArtifactStore, 'forgetBrowserSession'>
  /** Milliseconds since 1970. */
  readonly now: () => number
}

/** An endpoint for people: pages, and redirects between them. */
export type BrowserEndpoint = (request: IncomingMessage, response: ServerResponse) => Promise<SessionAnswer>

/** One visit of a browser that holds the cookie of a sign-in. */
interface Visit extends SignInPagesOptions {
  readonly request: IncomingMessage
  readonly response: ServerResponse
  readonly interaction: Interaction
}

/**
 * The two forms of a sign-in: name, password and code, and the second factor of a user who has none yet. Each shows itself to GET
 * and takes its form by POST; a sign-in that is complete sends the browser on. Throws a PopError for a form that did not come from
 * here, and where the browser has no sign-in under way.
 */
export function signInEndpoints(options: SignInPagesOptions): {
  readonly signIn: BrowserEndpoint
  readonly enrolment: BrowserEndpoint
} {
  const serve =
    (
      show: (visit: Visit) => Promise<Page>,
      take: (visit: Visit, form: ReadonlyMap<string, string>) => Promise<SessionAnswer>,
    ) =>
    async (request: IncomingMessage, response: ServerResponse): Promise<SessionAnswer> => {
      const form = request.method === 'POST' ? await readForm(request) : undefined
      const visit = { ...options, request, response, interaction: await findInteraction(options, request, response) }
      if (form === undefined) return pageAnswer(await show(visit))
      refuseForeign(visit, form)
      return form.has('cancel') ? goOn(visit, cancelled) : take(visit, form)
    }
  return { signIn: serve(showSignIn, takeSignIn), enrolment: serve(showEnrolment, takeEnrolment) }
}

const cancelled = { error: 'access_denied', error_description: 'the user did not sign in' }

async function findInteraction(
  { provider }: SignInPagesOptions,
  request: IncomingMessage,
  response: ServerResponse,
): Promise<Interaction> {
  try {
    return await provider.interactionDetails(request, response)
  } catch (cause) {
    if (!(cause instanceof errors.SessionNotFound)) throw cause
    const detail = 'This sign-in has ended, or it was begun in another browser or in another window of this one.'
    throw new PopError('oauth-request-invalid', detail, { cause })
  }
}

/** Cross-site request forgery, and signing somebody in as somebody else: the form must be one of ours, for this very browser. */
function refuseForeign({ request, issuer, interaction }: Visit, form: ReadonlyMap<string, string>): void {
  const { origin } = request.headers
  const isOurs = origin === undefined || origin === new URL(issuer).origin
  if (isOurs && isFormToken(interaction, form.get('csrf'))) return
  throw new PopError('oauth-request-invalid', 'This form was not made for this sign-in, or it is an old one.')
}

async function showSignIn({ provider, interaction }: Visit): Promise<Page> {
  return signInPage(await interactionFacts(provider, interaction, endpoints.signIn), undefined)
}

async function takeSignIn(visit: Visit, form: ReadonlyMap<string, string>): Promise<SessionAnswer> {
  const { provider, signIn, interaction, request, response } = visit
  const [username = '', password = '', code = ''] = ['username', 'password', 'totp'].map((name) => form.get(name))
  const outcome = await signIn.verify({
    username,
    password,
    code: code === '' ? undefined : withoutSpaces(code),
    needsSecondFactor: (interaction.params['acr_values'] ?? '').split(' ').includes(secondFactorAcr),
  })
  if (outcome.kind === 'accepted') return complete(visit, outcome)
  if (outcome.kind === 'refused') {
    return pageAnswer(signInPage(await interactionFacts(provider, interaction, endpoints.signIn), { username }))
  }
  // A new secret for each password that was right: nobody who saw an earlier page holds this one.
  const pending = { accountId: outcome.user.id, secret: encodeBase32(randomBytes(20)) }
  await keepResult(provider, request, response, { enrolment: pending })
  return pageAnswer(await pendingPage(visit, outcome.user, pending.secret, false))
}

async function showEnrolment(visit: Visit): Promise<Page> {
  const { user, secret } = pendingOf(visit)
  return pendingPage(visit, user, secret, false)
}

async function takeEnrolment(visit: Visit, form: ReadonlyMap<string, string>): Promise<SessionAnswer> {
  const { user, secret } = pendingOf(visit)
  const outcome = visit.signIn.enrol(user, secret, withoutSpaces(form.get('totp') ?? ''))
  if (outcome === 'enrolled') return complete(visit, { user, secondFactor: true })
  if (outcome === 'refused') return pageAnswer(await pendingPage(visit, user, secret, true))
  return pageAnswer(errorPage(409, 'A second factor was set up for this user meanwhile. Sign in with its code.'))
}

/** Whose second factor is being set up in this browser. Only a password that was right has led here. */
function pendingOf({ interaction, users }: Visit): { readonly user: DevUser; readonly secret: string } {
  const result = isJsonObject(interaction.result) ? interaction.result['enrolment'] : undefined
  const { accountId, secret } = isJsonObject(result) ? result : {}
  const user = users.find(({ id }) => id === accountId)
  if (user !== undefined && typeof secret === 'string') return { user, secret }
  throw new PopError('oauth-request-invalid', 'No second factor is being set up in this browser.')
}

async function pendingPage(
  { provider, interaction }: Visit,
  { username }: DevUser,
  secret: string,
  wasWrong: boolean,
): Promise<Page> {
  return enrolmentPage(await interactionFacts(provider, interaction, endpoints.enrolment), username, secret, wasWrong)
}

/** Begins the session of whoever has signed in; a session of somebody else in this browser is forgotten first. */
async function complete(visit: Visit, signedIn: SignedIn): Promise<SessionAnswer> {
  const { provider, interaction, now } = visit
  await forgetOther(visit, signedIn.user)
  const { acr, amr, authTime } = factsOf(signedIn, now())
  const grant = await beginGrant(provider, signedIn.user, interaction.params['client_id'] ?? '', knownScopes.join(' '))
  const login = { accountId: signedIn.user.id, acr, amr, ts: authTime, remember: false }
  return goOn(visit, { login, consent: { grantId: grant.jti } })
}

async function forgetOther({ artifacts, interaction, now }: Visit, user: DevUser): Promise<void> {
  const { session } = interaction
  if (session === undefined || session.accountId === user.id) return
  interaction.session = undefined
  await interaction.save(Math.max(1, interaction.exp - Math.floor(now() / 1000)))
  if (session.uid !== undefined) artifacts.forgetBrowserSession(session.uid)
}

async function goOn({ provider, request, response }: Visit, result: InteractionResult): Promise<SessionAnswer> {
  return { status: 303, headers: { location: await keepResult(provider, request, response, result) } }
}

function keepResult(
  provider: Provider,
  request: IncomingMessage,
  response: ServerResponse,
  result: InteractionResult,
): Promise<string> {
  return provider.interactionResult(request, response, result, { mergeWithLastSubmission: false })
}

function pageAnswer(page: Page): SessionAnswer {
  return { status: page.status, page }
}

/** Apps show a code in two groups. */
function withoutSpaces(code: string): string {
  return code.replaceAll(' ', '')
}
