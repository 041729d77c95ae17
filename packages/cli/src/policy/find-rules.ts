import { readFile } from 'node:fs/promises'
import {
  compilePolicy,
  withStandings,
  type Policy,
  type PolicyRules,
  type Requirement,
  type Standing,
} from '@pop-api/policy'
import type { Manifest } from '@pop-api/protocol'
import { readYaml } from '@pop-api/settings'
import type { Command } from 'commander'
import { readKeptBulletin, readManifest } from '../client/kept-bulletin.ts'
import { usageFailure } from '../command-failure.ts'
import type { Surroundings } from '../print/surroundings.ts'
import { faultLine, findSettings } from '../up/find-settings.ts'
import { findHome } from '../up/home.ts'
import { errorCode } from '../up/own-file.ts'
import { textOption } from '../up/words.ts'
import { gatewayOperations } from './gateway-operations.ts'

/** An operation that the policy decides about. */
export interface PolicyOperation {
  /** `METHOD /base/template` */
  readonly id: string
  /** Name of its module; `gateway` for the gateway's own. */
  readonly module: string
  readonly requires: Requirement
}

/** A policy and the operations it is asked about. */
export interface FoundRules {
  readonly policy: Policy
  readonly rules: PolicyRules
  /** Empty where no manifest is known: the gateway's own operations alone would look like all there is. */
  readonly operations: readonly PolicyOperation[]
  /** Where the rules and the manifests are from, in words. */
  readonly from: string
}

/** The options that `findRules` reads, for the help of a command. */
export function addRulesOptions(command: Command): Command {
  return command
    .option('--config <file>', 'the rules of this pop.yaml; else those that the gateway of the home goes by')
    .option('--manifest <file...>', 'manifests (JSON or YAML) of modules; else those that are approved in the home')
}

/**
 * The rules of `--config`, else those that the gateway of the home keeps, else those of the settings that a start would take; with the
 * operations of `--manifest`, else of the modules that the gateway keeps. Throws a CommandFailure (usage).
 */
export async function findRules(command: Command, { environment }: Surroundings): Promise<FoundRules> {
  const home = await findHome(textOption(command, 'home'), environment)
  const config = textOption(command, 'config')
  const kept = await readKeptBulletin(home)
  const given = await readManifests(command)
  const manifests = given ?? kept?.modules.map(({ manifest }) => manifest) ?? []
  const manifestsFrom =
    given !== undefined ? 'the manifests given' : manifests.length > 0 ? 'the modules of the home' : 'no manifests'
  if (config === undefined && kept !== undefined) {
    return rulesOf(kept, manifests, `${kept.path}, ${manifestsFrom}`)
  }
  const { settings, name } = await findSettings(config, home)
  return rulesOf({ policy: settings, operators: settings.operators }, manifests, `${name}, ${manifestsFrom}`)
}

/** The rules, and what roles may do to the system itself. */
interface StandingRules {
  readonly policy: PolicyRules
  readonly operators: Readonly<Record<string, readonly Standing[]>>
}

/** Compiles rules and manifests as the gateway does. */
export function rulesOf(
  { policy, operators }: StandingRules,
  manifests: readonly Manifest[],
  from: string,
): FoundRules {
  const { roles, module_permissions, grants } = policy
  const rules = { roles, module_permissions, grants }
  const declared = manifests.flatMap(({ permissions }) => permissions)
  const ofModules = manifests.flatMap(({ name, base, operations }) =>
    operations.map(({ method, template, requires }) => ({
      id: `${method} ${base}${template === '/' ? '' : template}`,
      module: name,
      requires,
    })),
  )
  const own = gatewayOperations.map(({ id, requires }) => ({ id, module: 'gateway', requires }))
  const operations = manifests.length === 0 ? [] : [...ofModules, ...own]
  return { policy: compilePolicy(withStandings(rules, operators), declared), rules, operations, from }
}

/** A file of YAML or JSON with one meaning. Throws a CommandFailure (usage) that lists every fault with its line. */
export async function readDocument(path: string) {
  const found = readYaml(await readText(path))
  if (found.ok) return found
  const faults = found.faults.map((fault) => `\n${faultLine(path, fault)}`).join('')
  throw usageFailure(`${path} is not usable:${faults}`)
}

async function readManifests(command: Command): Promise<readonly Manifest[] | undefined> {
  const { manifest: paths } = command.opts<{ manifest?: readonly string[] }>()
  if (paths === undefined) return undefined
  return await Promise.all(paths.map(async (path) => readManifest((await readDocument(path)).value, path)))
}

async function readText(path: string): Promise<string> {
  try {
    return await readFile(path, 'utf8')
  } catch (error) {
    const why = errorCode(error) === 'ENOENT' ? 'is not there' : `cannot be read (${errorCode(error)})`
    throw usageFailure(`the file ${path} ${why}: give an existing one`, error)
  }
}
