import { markup } from './markup.ts'
import type { Page } from './page.ts'

/** What every page with a form of the sign-in has. */
export interface FormFacts {
  /** Path and query to which it is sent. */
  readonly action: string
  /** Proves that the form came from here, for this browser. */
  readonly csrf: string
  /** Name of the application that asked for the sign-in. */
  readonly application: string
  readonly formTargets: readonly string[]
}

/**
 * The page that asks for name, password and code. All three are judged together, and a refusal says the same whatever was wrong.
 * `refused` has what was typed before; undefined where nothing was tried yet.
 */
export function signInPage(
  { action, csrf, application, formTargets }: FormFacts,
  refused: { readonly username: string } | undefined,
): Page {
  const alert =
    refused === undefined
      ? undefined
      : markup`<p class="alert" role="alert">That did not fit. Check name, password and code: a code is good for one sign-in, and
an account rests after too many tries.</p>`
  const content = markup`<p>to go on with ${application}</p>
${alert}
<form method="post" action="${action}">
<input type="hidden" name="csrf" value="${csrf}">
<label for="username">User name</label>
<input id="username" name="username" value="${refused?.username}" autocomplete="username" autocapitalize="none" spellcheck="false" maxlength="256" required autofocus>
<label for="password">Password</label>
<input id="password" name="password" type="password" autocomplete="current-password" maxlength="1024" required>
<label for="totp">One-time code</label>
<input id="totp" name="totp" inputmode="numeric" autocomplete="one-time-code" pattern="[0-9 ]*" maxlength="12" aria-describedby="totp-hint">
<p class="hint" id="totp-hint">From your authenticator app. If you have set up none yet, leave it empty: the next page helps.</p>
<button>Sign in</button>
<button class="other" name="cancel" value="yes" formnovalidate>Cancel</button>
</form>`
  return { status: refused === undefined ? 200 : 400, title: 'Sign in', content, formTargets }
}
