import { hash } from 'node:crypto'
import { markup, type Markup } from './markup.ts'
import { style } from './style.ts'

/** A page for a person: plain HTML, without a script and without anything from elsewhere. */
export interface Page {
  readonly status: number
  readonly title: string
  readonly content: Markup
  /** Origins beside our own to which an answer to its forms may lead the browser. */
  readonly formTargets?: readonly string[]
}

const styleHash = `'sha256-${hash('sha256', style, 'base64')}'`

/** The text of a page and the fields that go with it. */
export function renderPage({ title, content, formTargets = [] }: Page): {
  readonly headers: Readonly<Record<string, string>>
  readonly text: string
} {
  // The hash is of the whole text between the tags of the style: not one character may come between.
  const { safeText } = markup`<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>${title} – POP API</title>
<style>${{ safeText: style }}</style>
</head>
<body>
<main>
<h1>${title}</h1>
${content}
</main>
</body>
</html>
`
  return { headers: headersFor(formTargets), text: safeText }
}

function headersFor(formTargets: readonly string[]): Readonly<Record<string, string>> {
  const policy = [
    "default-src 'none'",
    `style-src ${styleHash}`,
    // Browsers hold the redirect that follows a form against this too.
    `form-action ${["'self'", ...formTargets].join(' ')}`,
    "frame-ancestors 'none'",
    "base-uri 'none'",
  ]
  return {
    'content-type': 'text/html; charset=utf-8',
    'content-security-policy': policy.join('; '),
    'x-frame-options': 'DENY',
    // Not `no-referrer`: with it a browser would hide from our own forms where they were sent from.
    'referrer-policy': 'same-origin',
    'cross-origin-opener-policy': 'same-origin',
    'cross-origin-resource-policy': 'same-origin',
    'cache-control': 'no-store',
  }
}
