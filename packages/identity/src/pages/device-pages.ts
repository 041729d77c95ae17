import { markup } from './markup.ts'
import type { Page } from './page.ts'

/** The page on which a person types the code that a device shows. `userCode` stands in it already; `alert`: why a try failed. */
export function deviceCodePage(
  action: string,
  xsrf: string,
  userCode: string | undefined,
  alert: string | undefined,
): Page {
  const told = alert === undefined ? undefined : markup`<p class="alert" role="alert">${alert}</p>`
  const content = markup`<p>Type the code that your terminal or device shows.</p>
${told}
<form method="post" action="${action}">
<input type="hidden" name="xsrf" value="${xsrf}">
<label for="user_code">Code</label>
<input id="user_code" name="user_code" value="${userCode}" autocomplete="off" autocapitalize="characters" spellcheck="false" maxlength="20" required autofocus>
<button>Continue</button>
</form>`
  return { status: alert === undefined ? 200 : 400, title: 'Connect a device', content }
}

/** The page that shows which application asks, before anybody signs in for it (RFC 8628 section 5.4). */
export function deviceConfirmPage(action: string, xsrf: string, userCode: string, application: string): Page {
  const content = markup`<p>${application} shows this code:</p>
<p><code class="code">${userCode}</code></p>
<p>Go on only if you see the same code on a device of your own that you have just asked to sign in. Whoever sent you this code
or a link to this page would get your session.</p>
<form method="post" action="${action}">
<input type="hidden" name="xsrf" value="${xsrf}">
<input type="hidden" name="user_code" value="${userCode}">
<button name="confirm" value="yes">The code is the same</button>
<button class="other" name="abort" value="yes">Refuse</button>
</form>`
  return { status: 200, title: 'Is this your device?', content }
}
