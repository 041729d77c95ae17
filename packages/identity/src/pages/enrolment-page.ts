import { markup } from './markup.ts'
import type { Page } from './page.ts'
import { qrCode } from './qr-code.ts'
import type { FormFacts } from './sign-in-page.ts'

/** The page on which a user without a second factor sets one up. `secret` is base32; `wasWrong`: a code was tried and did not fit. */
export function enrolmentPage(
  { action, csrf, application, formTargets }: FormFacts,
  username: string,
  secret: string,
  wasWrong: boolean,
): Page {
  const uri = otpauthUri(username, secret)
  const groups = secret.match(/.{1,4}/g)?.join(' ') ?? ''
  const alert = wasWrong
    ? markup`<p class="alert" role="alert">That code did not fit. Type the one that the app shows now, and check that the clock of its
device is right; an account rests after too many tries.</p>`
    : undefined
  const content = markup`<p>${application} asks for a second factor, and ${username} has none yet.</p>
${alert}
<p>Scan this with an authenticator app:</p>
${qrCode(uri)}
<p>Or type this key into it (time-based, 6 digits, 30 seconds):</p>
<p><code id="secret">${groups}</code></p>
<p class="hint">Or open this address on the device that has the app: <code id="uri">${uri}</code></p>
<form method="post" action="${action}">
<input type="hidden" name="csrf" value="${csrf}">
<label for="totp">Code that the app shows now</label>
<input id="totp" name="totp" inputmode="numeric" autocomplete="one-time-code" pattern="[0-9 ]*" maxlength="12" required autofocus>
<button>Set up and sign in</button>
<button class="other" name="cancel" value="yes" formnovalidate>Cancel</button>
</form>`
  return { status: wasWrong ? 400 : 200, title: 'Set up your second factor', content, formTargets }
}

/** The address of a TOTP key as authenticator apps read it (the Key Uri Format of Google Authenticator). */
function otpauthUri(username: string, secret: string): string {
  const issuer = 'POP API'
  const label = `${encodeURIComponent(issuer)}:${encodeURIComponent(username)}`
  const parameters = `secret=${secret}&issuer=${encodeURIComponent(issuer)}&algorithm=SHA1&digits=6&period=30`
  return `otpauth://totp/${label}?${parameters}`
}
