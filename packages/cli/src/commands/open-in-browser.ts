import { spawn } from 'node:child_process'
import type { Surroundings } from '../print/surroundings.ts'

/**
 * Hands an address to the browser of this desktop, where there is one; nothing of it is waited for, and that there is none is no
 * failure: the address was told as well.
 */
export function openInBrowser(url: string, { environment }: Pick<Surroundings, 'environment'>): void {
  const hasDesktop = Boolean(environment['DISPLAY'] ?? environment['WAYLAND_DISPLAY'])
  const program = process.platform === 'darwin' ? 'open' : hasDesktop ? 'xdg-open' : undefined
  if (program === undefined) return
  const opened = spawn(program, [url], { env: environment, detached: true, stdio: 'ignore' })
  opened.on('error', () => undefined)
  opened.unref()
}
