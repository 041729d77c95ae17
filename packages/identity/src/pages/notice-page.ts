import { markup } from './markup.ts'
import type { Page } from './page.ts'

/** A page that only tells: what happened, and what to do next. Both may be untrusted text. */
export function noticePage(status: number, title: string, ...sentences: readonly string[]): Page {
  return { status, title, content: markup`${sentences.map((sentence) => markup`<p>${sentence}</p>`)}` }
}

/** The page for a request that cannot be answered. `detail` says what was found. */
export function errorPage(status: number, detail: string): Page {
  const next =
    status >= 500
      ? 'Nothing was signed in. Try again in a moment; if it stays so, tell whoever runs this system.'
      : 'Nobody was signed in by this. Go back to the application, and begin again there.'
  return noticePage(status, 'This cannot go on', detail, next)
}
