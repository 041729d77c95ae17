import { mkdirSync } from 'node:fs'
import { join } from 'node:path'
import { chromium, type BrowserContext, type Page } from 'playwright-core'
import { needPrograms } from './need-programs.ts'

/** A window of a real browser that has seen nothing yet. */
export interface Window extends AsyncDisposable {
  readonly context: BrowserContext
  readonly page: Page
  /** Keeps a picture where `POP_LIVE_PICTURES` says a folder; elsewhere nothing. */
  readonly picture: (name: string) => Promise<void>
}

/** Opens Debian's Chromium without a screen. The certificates of the tests are not looked at: that is not what a browser is here for. */
export async function openWindow(): Promise<Window> {
  await needPrograms({ chromium: 'chromium' })
  await using stack = new AsyncDisposableStack()
  const browser = await chromium.launch({
    executablePath: '/usr/bin/chromium',
    args: [
      '--no-sandbox',
      '--disable-gpu',
      '--disable-quic',
      '--no-first-run',
      '--disable-background-networking',
      '--disable-component-update',
      '--disable-sync',
    ],
  })
  stack.defer(() => browser.close())
  const context = await browser.newContext({ ignoreHTTPSErrors: true, viewport: { width: 1000, height: 900 } })
  const page = await context.newPage()
  page.setDefaultTimeout(20_000)
  const owned = stack.move()
  const folder = process.env['POP_LIVE_PICTURES']
  return {
    context,
    page,
    picture: async (name) => {
      if (folder === undefined) return
      mkdirSync(folder, { recursive: true })
      await page.screenshot({ path: join(folder, `${name}.png`) })
    },
    [Symbol.asyncDispose]: () => owned.disposeAsync(),
  }
}
