import { rm } from 'node:fs/promises'
import { join } from 'node:path'
import { isJsonObject, parseStrictJson, type JsonObject } from '@pop-api/protocol'
import { usageFailure } from '../command-failure.ts'
import { readOwnFile, writeOwnFile } from './own-file.ts'

/** A process of a run. */
export interface RunProcess {
  readonly pid: number
  /** How often this run has started it: 1 for one that never ended. */
  readonly starts: number
  /** It has said so since its last start. */
  readonly ready: boolean
}

/** `<home>/run.json`: what runs and where it listens. It is there only while everything has been started. */
export interface RunFile {
  readonly version: 1
  readonly supervisor: { readonly pid: number }
  readonly processes: Readonly<Record<string, RunProcess>>
  readonly gateway: string
  /** Only where the settings want the listener for client certificates. */
  readonly gatewayMtls?: string
  readonly operations: string
  readonly control: string
  readonly admin: string
  readonly issuer: string
  readonly modules: Readonly<Record<string, string>>
  /** Absolute path of the public CA's certificate. */
  readonly ca: string
}

/** Writes `<home>/run.json`, whole or not at all. */
export async function writeRunFile(home: string, run: RunFile): Promise<void> {
  await writeOwnFile(join(home, 'run.json'), `${JSON.stringify(run, undefined, 2)}\n`)
}

/** Removes `<home>/run.json`, also when there is none. */
export async function removeRunFile(home: string): Promise<void> {
  await rm(join(home, 'run.json'), { force: true })
}

/**
 * Reads `<home>/run.json`; undefined when there is none. Only the lock says whether it is of the present run. Throws a
 * CommandFailure (usage) for one that is not in its shape.
 */
export async function readRunFile(home: string): Promise<RunFile | undefined> {
  const path = join(home, 'run.json')
  const text = await readOwnFile(path)
  if (text === undefined) return undefined
  const parsed = parseStrictJson(text)
  const run = parsed.ok && isJsonObject(parsed.value) ? parseRun(parsed.value) : undefined
  if (run !== undefined) return run
  throw usageFailure(`${path} is not in the shape of version 1. Start again with \`pop up\``)
}

function parseRun(members: JsonObject): RunFile | undefined {
  const { version, supervisor, processes, modules } = members
  const { gateway, gatewayMtls, operations, control, admin, issuer, ca } = members
  if (version !== 1 || !hasPid(supervisor)) return undefined
  if (!isJsonObject(processes) || !isJsonObject(modules)) return undefined
  if (!isText(gateway) || !isText(operations) || !isText(control)) return undefined
  if (!isText(admin) || !isText(issuer) || !isText(ca)) return undefined
  if (gatewayMtls !== undefined && !isText(gatewayMtls)) return undefined
  const pids = Object.entries(processes).flatMap(([name, value]) => (isProcess(value) ? [[name, value] as const] : []))
  const urls = Object.entries(modules).flatMap(([name, url]) => (isText(url) ? [[name, url] as const] : []))
  if (pids.length !== Object.keys(processes).length || urls.length !== Object.keys(modules).length) return undefined
  const maps = { processes: Object.fromEntries(pids), modules: Object.fromEntries(urls) }
  const asked = gatewayMtls === undefined ? {} : { gatewayMtls }
  return { version, supervisor, ...maps, gateway, ...asked, operations, control, admin, issuer, ca }
}

function isText(value: unknown): value is string {
  return typeof value === 'string' && value !== ''
}

function hasPid(value: unknown): value is { readonly pid: number } {
  return isJsonObject(value) && typeof value['pid'] === 'number' && Number.isSafeInteger(value['pid'])
}

function isProcess(value: unknown): value is RunProcess {
  if (!isJsonObject(value)) return false
  const { starts, ready } = value
  return hasPid(value) && typeof starts === 'number' && Number.isSafeInteger(starts) && typeof ready === 'boolean'
}
