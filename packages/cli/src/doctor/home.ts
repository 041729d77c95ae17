import type { Stats } from 'node:fs'
import { access, constants, lstat, readdir } from 'node:fs/promises'
import { join, relative } from 'node:path'
import { isAlive, readFamily } from '../up/family.ts'
import { errorCode } from '../up/own-file.ts'
import { readRunFile } from '../up/run-file.ts'
import { fail, ok, skip, warn, type Finding } from './finding.ts'
import type { Patient } from './patient.ts'

const namedMax = 5
/** What everybody may read: the certificate that clients verify the gateway by, and settings, which hold no secret. */
const publicFiles = ['ca.pem', 'pop.yaml']

/** Whether the home is there, and whether nobody else can enter or read it. */
export async function checkHome({ home }: Pick<Patient, 'home'>): Promise<readonly Finding[]> {
  const found = await lookAt(home)
  if (found === undefined) return [skip('home', `there is no folder ${home}: the first \`pop up\` makes it`)]
  if (!found.isDirectory()) return [fail('home', `${home} is not a folder`, 'Give another with --home')]
  const exposed = await exposedEntries(home)
  const folders = exposed.filter(({ isFolder }) => isFolder).map(({ path }) => path)
  const secrets = exposed.filter(({ path, isFolder }) => !isFolder && isSecret(path)).map(({ path }) => path)
  const others = exposed.filter(({ path, isFolder }) => !isFolder && !isSecret(path)).map(({ path }) => path)
  const close = `chmod -R go= ${home}, and chown what is not yours`
  const findings: Finding[] = []
  if (folders.length > 0) findings.push(fail('home', `others can enter, or own: ${named(folders, home)}`, close))
  if (secrets.length > 0) {
    const again = 'If others could have read them, make new ones with `pop reset`'
    findings.push(fail('home', `others can read, or own, secrets: ${named(secrets, home)}`, `${close}. ${again}`))
  }
  // One lock where there should be two.
  if (others.length > 0) findings.push(warn('home', `only folders keep others from: ${named(others, home)}`, close))
  return findings.length > 0 ? findings : [ok('home', `${home} is its owner's alone`)]
}

/** Whether the lock, `run.json` and the processes of the last run fit together. */
export async function checkLock({ home, isLocked }: Pick<Patient, 'home' | 'isLocked'>): Promise<Finding> {
  if ((await lookAt(home)) === undefined) return skip('lock', 'there is no home yet')
  const run = await readRunFile(home)
  if (isLocked && run !== undefined) return ok('lock', `held by the supervisor, process ${run.supervisor.pid}`)
  if (isLocked) {
    const remedy = 'Ask again in a moment; if it stays so: pop logs supervisor'
    return warn('lock', 'the home is locked, but not everything has been started, or not all has been stopped', remedy)
  }
  const orphans = ((await readFamily(home))?.children ?? []).filter(isAlive)
  if (orphans.length > 0 && run !== undefined) {
    const remedy = 'They end within seconds; see them with: ps -p ' + orphans.join(',')
    return warn(
      'lock',
      `the supervisor is gone, processes of its run may still be there: ${orphans.join(', ')}`,
      remedy,
    )
  }
  if (run !== undefined) {
    return warn(
      'lock',
      'run.json is left over from a run that was killed',
      'Nothing is lost: start again with `pop up`',
    )
  }
  return ok('lock', 'free: nothing runs on this home')
}

/** Whether every process can write its audit log: what cannot be recorded is refused. */
export async function checkAudit({ home }: Pick<Patient, 'home'>): Promise<readonly Finding[]> {
  const folders = (await childrenOf(home)).flatMap((name) => [join(home, name, 'audit'), join(home, name, 'refusals')])
  const findings: Finding[] = []
  let good = 0
  for (const folder of folders) {
    const found = await lookAt(folder)
    if (found === undefined) continue
    const fault = found.isDirectory() ? await writeFault(folder) : 'is not a folder'
    if (fault === undefined) good++
    else
      findings.push(
        fail(
          'audit',
          `${folder} ${fault}`,
          `Make it a folder that this user can write to: what cannot be recorded is refused`,
        ),
      )
  }
  if (findings.length > 0) return findings
  return good === 0 ? [skip('audit', 'there is no audit log yet')] : [ok('audit', `${good} folders can be written to`)]
}

interface Exposed {
  /** Absolute. */
  readonly path: string
  readonly isFolder: boolean
}

async function exposedEntries(folder: string): Promise<readonly Exposed[]> {
  const own = await lookAt(folder)
  const found: Exposed[] = own !== undefined && isExposed(own) ? [{ path: folder, isFolder: true }] : []
  return found.concat(...(await walk(folder, folder)))
}

async function walk(folder: string, home: string): Promise<readonly Exposed[]> {
  const found: Exposed[] = []
  for (const name of await childrenOf(folder)) {
    const path = join(folder, name)
    const entry = await lookAt(path)
    // A file of a run may go while it is looked for.
    if (entry === undefined || publicFiles.includes(relative(home, path))) continue
    if (isExposed(entry)) found.push({ path, isFolder: entry.isDirectory() })
    // Node compiles into it with modes of its own, behind a door that nobody else opens.
    const isCompiled = relative(home, path) === 'compiled'
    if (entry.isDirectory() && !isCompiled) found.push(...(await walk(path, home)))
  }
  return found
}

function isExposed({ mode, uid }: Stats): boolean {
  const own = process.getuid?.()
  // Root may look at a home of each of its processes' users.
  const isForeign = own !== undefined && own !== 0 && uid !== own
  return (mode & 0o077) !== 0 || isForeign
}

function isSecret(path: string): boolean {
  return /\.pem$|credentials\.json$|secret|dev-users\.json$|snapshot$|state\.db|\.jsonl$|run\.json$/.test(path)
}

async function writeFault(folder: string): Promise<string | undefined> {
  try {
    await access(folder, constants.W_OK | constants.X_OK)
    return undefined
  } catch (error) {
    return `cannot be written to (${errorCode(error)})`
  }
}

async function childrenOf(folder: string): Promise<readonly string[]> {
  try {
    return (await readdir(folder)).sort()
  } catch (error) {
    if (['ENOENT', 'ENOTDIR', 'EACCES'].includes(errorCode(error))) return []
    throw error
  }
}

async function lookAt(path: string): Promise<Stats | undefined> {
  try {
    return await lstat(path)
  } catch (error) {
    if (['ENOENT', 'ENOTDIR', 'EACCES'].includes(errorCode(error))) return undefined
    throw error
  }
}

function named(paths: readonly string[], home: string): string {
  // What SQLite puts beside a database has the mode of the database.
  const own = paths.filter((path) => !/-(?:wal|shm|journal)$/.test(path))
  const names = (own.length === 0 ? paths : own).map((path) => relative(home, path) || home)
  const shown = names.slice(0, namedMax).join(', ')
  return names.length > namedMax ? `${shown} and ${names.length - namedMax} more` : shown
}
