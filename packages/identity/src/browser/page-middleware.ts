import type { AnyContext, Context, Provider } from 'oidc-provider'
import { deviceCodePage } from '../pages/device-pages.ts'
import { errorPage, noticePage } from '../pages/notice-page.ts'
import { signInPage } from '../pages/sign-in-page.ts'
import { endpoints, realmPath } from '../provider/endpoints.ts'
import { interactionFacts } from './interaction-facts.ts'
import { showPage } from './show-page.ts'

/** Where oidc-provider would send a browser that has to sign in. */
export const signInLocation = realmPath + endpoints.signIn

/**
 * Puts pages of ours in the place of three answers of oidc-provider: the redirect to the sign-in, whose cookies are for this site
 * only and would not come along from a link of another, and two forms that a script would have to send.
 */
export function showPages(provider: Provider): void {
  provider.use(async (context, next) => {
    await next()
    const { oidc } = context
    if (oidc === undefined) return
    const { Interaction: interaction } = oidc.entities
    if (interaction !== undefined && context.status === 303 && context.response.get('location') === signInLocation) {
      showPage(context, signInPage(await interactionFacts(provider, interaction, endpoints.signIn), undefined))
    } else if (context.status === 200) replaceScripted(context, oidc)
    // Whatever else oidc-provider would draw by itself has a script: no page leaves without our policy.
    const isForeign = isPage(context) && context.response.get('content-security-policy') === ''
    if (isForeign)
      showPage(context, errorPage(400, 'The application asked for an answer in a form that is not offered.'))
  })
}

function isPage({ status, response }: AnyContext): boolean {
  return (status < 300 || status >= 400) && response.get('content-type').startsWith('text/html')
}

function replaceScripted(context: AnyContext, oidc: Context['oidc']): void {
  const { route } = oidc
  if (route === 'end_session' && oidc.session?.accountId === undefined) showPage(context, nobodySignedIn())
  if (route !== 'code_verification' || context.method !== 'GET') return
  const { user_code: userCode } = oidc.params
  if (userCode !== undefined)
    showPage(context, deviceCodePage(oidc.urlFor(route), secretOf({ oidc }), userCode, undefined))
}

/** What a form must bring back that oidc-provider will judge. */
export function secretOf({ oidc }: Pick<Context, 'oidc'>): string {
  const { state } = oidc.session ?? {}
  if (state === undefined)
    throw new TypeError('A form was about to be shown without the secret that it must bring back.')
  return state.secret
}

function nobodySignedIn() {
  return noticePage(200, 'Nobody is signed in', 'No user is signed in in this browser. You may close this window.')
}
