import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { getCACertificates } from 'node:tls'
import type { Gateway } from '../client/gateway.ts'
import { readKeptBulletin, type KeptBulletin } from '../client/kept-bulletin.ts'
import { issuerRoots } from '../realm/issuer-roots.ts'
import { findSettings, type FoundSettings } from '../up/find-settings.ts'
import { isLocked } from '../up/home.ts'
import { errorCode } from '../up/own-file.ts'
import { readRunFile, type RunFile } from '../up/run-file.ts'

/** What the checks look at. What cannot be read is undefined here and a finding of the check that is about it. */
export interface Patient {
  readonly home: string
  /** A supervisor holds the home. */
  readonly isLocked: boolean
  /** Of the present run; undefined where nothing runs, or not everything has been started. */
  readonly run: RunFile | undefined
  readonly settings: FoundSettings | undefined
  readonly bulletin: KeptBulletin | undefined
  /** Certificates that those of our listeners may come from, PEM. */
  readonly roots: readonly string[]
  /**
   * What the certificate of the identity provider must come from, exactly as its gateway has it, PEM. Throws a CommandFailure for
   * what cannot be read.
   */
  readonly issuerRoots: () => Promise<readonly string[]>
  /** A gateway that was asked about in particular, wherever it runs. */
  readonly remote: Gateway | undefined
  readonly nowMs: () => number
}

/** Takes in what several checks need. Does not throw for anything that a check speaks of. */
export async function examine(home: string, config: string | undefined, remote?: Gateway): Promise<Patient> {
  const held = (await orUndefined(isLocked(home))) ?? false
  const run = held ? await orUndefined(readRunFile(home)) : undefined
  const ca = await readUnlessAbsent(join(home, 'ca.pem'))
  const roots = ca === undefined ? getCACertificates('default') : [ca, ...getCACertificates('default')]
  const settings = await orUndefined(findSettings(config, home))
  return {
    home,
    isLocked: held,
    run,
    settings,
    bulletin: await orUndefined(readKeptBulletin(home)),
    roots,
    issuerRoots: async () => {
      if (run?.processes['identity'] !== undefined) return roots
      const own = await issuerRoots(home, isOf(run, settings) ? settings?.settings : undefined)
      // A gateway that was given a CA of the provider trusts no other.
      return own.length > 0 ? own : getCACertificates('default')
    },
    remote,
    nowMs: Date.now,
  }
}

/** Whether the provider of the settings is that of the run: it may have been started with others. */
function isOf(run: RunFile | undefined, settings: FoundSettings | undefined): boolean {
  const identity = settings?.settings.identity
  return identity?.provider === 'keycloak' && (run === undefined || run.issuer === identity.issuer)
}

async function orUndefined<T>(reading: Promise<T>): Promise<T | undefined> {
  try {
    return await reading
  } catch {
    // The check of the very thing reads it again and tells what is wrong with it.
    return undefined
  }
}

async function readUnlessAbsent(path: string): Promise<string | undefined> {
  try {
    return await readFile(path, 'utf8')
  } catch (error) {
    if (['ENOENT', 'ENOTDIR', 'EACCES'].includes(errorCode(error))) return undefined
    throw error
  }
}
