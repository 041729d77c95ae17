import type { Configuration, Context } from 'oidc-provider'
import type { DevUsers } from '../dev-users.ts'
import { deviceCodePage, deviceConfirmPage } from '../pages/device-pages.ts'
import { errorPage, noticePage } from '../pages/notice-page.ts'
import { signOutPage } from '../pages/sign-out-page.ts'
import { secretOf } from './page-middleware.ts'
import { showPage } from './show-page.ts'

type Features = Configuration['features']

/** The end-session page (OpenID Connect RP-Initiated Logout 1.0). */
export function logoutFeature({ users }: DevUsers): Features['rpInitiatedLogout'] {
  return {
    enabled: true,
    logoutSource: (context) => {
      const user = users.find(({ id }) => id === context.oidc.session?.accountId)
      const action = context.oidc.urlFor('end_session_confirm')
      showPage(context, signOutPage(action, secretOf(context), user?.username ?? 'a user'))
    },
    postLogoutSuccessSource: (context) => {
      const sentence = 'Every session that was begun in this browser has ended. You may close this window.'
      showPage(context, noticePage(200, 'Signed out', sentence))
    },
  }
}

/** The pages of the device grant (RFC 8628 section 3.3). */
export function deviceFeature(): Features['deviceFlow'] {
  return {
    enabled: true,
    userCodeInputSource: (context, _form, _out, error) => {
      const action = context.oidc.urlFor('code_verification')
      showPage(context, deviceCodePage(action, secretOf(context), error?.userCode, alertOf(error)))
    },
    userCodeConfirmSource: (context, _form, client, _deviceInfo, userCode) => {
      const action = context.oidc.urlFor('code_verification')
      const name = client.clientName ?? client.clientId
      showPage(context, deviceConfirmPage(action, secretOf(context), userCode, name))
    },
    successSource: (context) => {
      showPage(context, noticePage(200, 'Signed in', 'Your device is signed in. You may close this window.'))
    },
  }
}

function alertOf(error: Error | undefined): string | undefined {
  if (error === undefined) return undefined
  // The classes of oidc-provider have no codes; their names are what it documents.
  if (error.name === 'AbortedError') return 'The device was refused. Nobody was signed in.'
  if (error.name === 'NoCodeError') return 'Type the code first.'
  return 'This code is not one that waits for you: it is mistyped, used, or over. Ask the device for another.'
}

const explained: Readonly<Record<string, string>> = {
  invalid_client: 'The link names an application that is not known here.',
  invalid_redirect_uri: 'The link would send you to an address that is not one of this application.',
}

/** A refusal of oidc-provider that has no application to go back to, as a page. */
export function showError(
  context: Context,
  out: { readonly error: string; readonly error_description?: string },
  error: Error,
): void {
  const detail = explained[out.error] ?? `The request was not understood: ${out.error_description ?? out.error}.`
  const isLost = error.name === 'SessionNotFound'
  const lost = 'This sign-in has ended, or it was begun in another browser or in another window of this one.'
  showPage(context, errorPage(context.status, isLost ? lost : detail))
}
