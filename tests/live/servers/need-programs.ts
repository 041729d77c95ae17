import { accessSync, constants, existsSync } from 'node:fs'
import { delimiter, join } from 'node:path'
import { LiveError, tell } from '../tell.ts'
import { runProgram } from './run-program.ts'

/** Program → the Debian package that brings it. */
export type Needed = Readonly<Record<string, string>>

/**
 * Sees to it that the programs are there: on Debian as root they are installed, elsewhere a LiveError says what to install. Nothing
 * is skipped for want of one.
 */
export async function needPrograms(needed: Needed): Promise<void> {
  const missing = Object.entries(needed).filter(([program]) => !isThere(program))
  if (missing.length === 0) return
  const packages = [...new Set(missing.map(([, name]) => name))]
  const install = `apt-get install -y --no-install-recommends ${packages.join(' ')}`
  const names = missing.map(([program]) => program).join(', ')
  if (!existsSync('/etc/debian_version') || process.getuid?.() !== 0)
    throw new LiveError(`This machine lacks ${names}. On Debian: sudo ${install}`)
  tell(`installing ${packages.join(' ')}`)
  const environment = { DEBIAN_FRONTEND: 'noninteractive' }
  await runProgram('apt-get', ['-qq', 'update'], { environment })
  await runProgram('apt-get', install.split(' ').slice(1), { environment })
}

function isThere(program: string): boolean {
  return (process.env['PATH'] ?? '').split(delimiter).some((folder) => {
    try {
      accessSync(join(folder, program), constants.X_OK)
      return true
    } catch {
      // Not in this folder, or not to be run by us: the next one may have it.
      return false
    }
  })
}
