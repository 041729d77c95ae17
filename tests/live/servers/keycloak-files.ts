import { hash } from 'node:crypto'
import { existsSync } from 'node:fs'
import { mkdir, mkdtemp, rename, rm } from 'node:fs/promises'
import { homedir } from 'node:os'
import { join } from 'node:path'
import { tell } from '../tell.ts'
import { needPrograms } from './need-programs.ts'
import { runProgram } from './run-program.ts'

const version = '26.7.3'

/** Options that are built in. Clients may show a certificate, which is how a token comes to be bound to one (RFC 8705). */
const buildOptions = ['--db=dev-mem', '--health-enabled=true', '--https-client-auth=request']
/** A folder of another build is another folder. */
const build = hash('sha256', buildOptions.join(' ')).slice(0, 8)

/**
 * Keycloak's own distribution from its Maven artifact, unpacked and built, in `~/.cache/pop-live` (or `POP_LIVE_CACHE`); gives its
 * folder. Made beside its place and moved there whole, so that a broken download is never taken for one.
 */
export async function keycloakFolder(): Promise<string> {
  const cache = process.env['POP_LIVE_CACHE'] ?? join(homedir(), '.cache', 'pop-live')
  const folder = join(cache, `keycloak-${version}-${build}`)
  // An update of the Debian package may have brought another Java than the one it was built with: Keycloak does not mind.
  await needPrograms({ java: 'openjdk-17-jre-headless', mvn: 'maven', unzip: 'unzip' })
  if (existsSync(folder)) return folder
  await mkdir(cache, { recursive: true })
  const fresh = await mkdtemp(join(cache, 'fresh-'))
  try {
    tell(`fetching Keycloak ${version} (177 MB)`)
    const artifact = `org.keycloak:keycloak-quarkus-dist:${version}:zip`
    await runProgram('mvn', ['-q', '-B', 'dependency:copy', `-Dartifact=${artifact}`, `-DoutputDirectory=${fresh}`])
    await runProgram('unzip', ['-q', join(fresh, `keycloak-quarkus-dist-${version}.zip`), '-d', fresh])
    tell('building it (half a minute)')
    await runProgram('sh', [join(fresh, `keycloak-${version}`, 'bin', 'kc.sh'), 'build', ...buildOptions])
    await rename(join(fresh, `keycloak-${version}`), folder)
  } finally {
    await rm(fresh, { recursive: true, force: true })
  }
  return folder
}
