import type { Context } from 'oidc-provider'
import { renderPage, type Page } from '../pages/page.ts'

/** Makes a page the answer of an endpoint of oidc-provider. */
export function showPage(context: Omit<Context, 'oidc'>, page: Page): void {
  const { headers, text } = renderPage(page)
  context.remove('location')
  context.status = page.status
  context.set(headers)
  context.body = text
}
