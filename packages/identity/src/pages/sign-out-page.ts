import { markup } from './markup.ts'
import type { Page } from './page.ts'

/** The page that asks whether to end the session of this browser (OpenID Connect RP-Initiated Logout 1.0 section 2). */
export function signOutPage(action: string, xsrf: string, username: string): Page {
  const content = markup`<p>This browser is signed in as ${username}. Signing out ends every session that was begun in it.</p>
<form method="post" action="${action}">
<input type="hidden" name="xsrf" value="${xsrf}">
<button name="logout" value="yes">Sign out</button>
</form>
<p class="hint">To stay signed in, close this page.</p>`
  return { status: 200, title: 'Sign out?', content }
}
