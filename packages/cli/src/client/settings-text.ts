import { readFile } from 'node:fs/promises'
import { join, resolve } from 'node:path'
import { developmentSettings } from '@pop-api/settings'
import { usageFailure } from '../command-failure.ts'
import { errorCode } from '../up/own-file.ts'

/** The text of a `pop.yaml` and the name to call it by. */
export interface SettingsText {
  readonly name: string
  /** Absolute; undefined for the built-in settings. */
  readonly path: string | undefined
  readonly text: string
}

/**
 * The settings that a start would take: of `file`, else of `./pop.yaml`, else of `<home>/pop.yaml`, else the built-in ones. Throws a
 * CommandFailure (usage) for a file that cannot be read.
 */
export async function findSettingsText(file: string | undefined, home: string): Promise<SettingsText> {
  if (file !== undefined) {
    const path = resolve(file)
    const text = await readUnlessAbsent(path)
    if (text !== undefined) return { name: file, path, text }
    throw usageFailure(`there is no settings file ${path}: give an existing one`)
  }
  for (const name of ['pop.yaml', join(home, 'pop.yaml')]) {
    const path = resolve(name)
    const text = await readUnlessAbsent(path)
    if (text !== undefined) return { name, path, text }
  }
  return { name: 'built-in settings', path: undefined, text: developmentSettings }
}

async function readUnlessAbsent(path: string): Promise<string | undefined> {
  try {
    return await readFile(path, 'utf8')
  } catch (error) {
    if (errorCode(error) === 'ENOENT') return undefined
    throw usageFailure(`the settings file ${path} cannot be read (${errorCode(error)})`, error)
  }
}
