import { unlink } from 'node:fs/promises'
import { isAbsolute } from 'node:path'
import { readSecretFile } from '@pop-api/keyring'
import { isJsonObject, parseStrictJson, type BootFile, type JsonObject } from '@pop-api/protocol'
import { WorkloadError } from '../workload-error.ts'

const bootBytesMax = 1024 * 1024

/** What every boot file says; control's own says more (packages/control). */
export type BootBase = Pick<BootFile, 'name' | 'home' | 'listen'>

/**
 * Reads the file that `POP_BOOT` names, deletes it and removes the variable, so that no grandchild inherits it. Throws
 * `boot-invalid`, and a KeyringError for a file that others could read.
 */
export async function takeBootDocument(environment: NodeJS.ProcessEnv): Promise<JsonObject> {
  const path = environment['POP_BOOT']
  if (path === undefined || !isAbsolute(path)) {
    throw new WorkloadError('boot-invalid', 'POP_BOOT must be the absolute path of a boot file. `pop up` sets it.')
  }
  const content = await readSecretFile(path, bootBytesMax)
  if (content === undefined) throw new WorkloadError('boot-invalid', `There is no boot file at ${path}.`)
  await unlink(path)
  delete environment['POP_BOOT']
  const parsed = parseStrictJson(content.toString('utf8'))
  if (!parsed.ok || !isJsonObject(parsed.value)) {
    throw new WorkloadError('boot-invalid', `The boot file ${path} is not one JSON object.`)
  }
  return parsed.value
}

/** Reads name, home and listeners. Throws `boot-invalid`. */
export function parseBootBase(document: JsonObject): BootBase {
  const { name, home, listen } = document
  if (typeof name !== 'string' || !/^[A-Za-z0-9_][A-Za-z0-9_.-]{0,62}$/.test(name)) throw invalid('name')
  if (typeof home !== 'string' || !isAbsolute(home)) throw invalid('home')
  if (!isJsonObject(listen)) throw invalid('listen')
  return { name, home, listen: Object.fromEntries(Object.entries(listen).map(parseListener)) }
}

/** The boot file of a gateway or a module, deleted once read. Throws `boot-invalid` or a KeyringError. */
export async function readBootFile(environment: NodeJS.ProcessEnv = process.env): Promise<BootFile> {
  return parseBootFile(await takeBootDocument(environment))
}

/** The members that every newcomer needs; others may stand beside them (identity's own). Throws `boot-invalid`. */
export function parseBootFile(document: JsonObject): BootFile {
  const { admin, control, anchor, token } = document
  if (!isHttpsUrl(admin)) throw invalid('admin')
  if (control !== undefined && !isHttpsUrl(control)) throw invalid('control')
  const hash = isJsonObject(anchor) ? anchor['root_spki_sha256'] : undefined
  if (typeof hash !== 'string' || !/^[0-9a-f]{64}$/.test(hash)) throw invalid('anchor.root_spki_sha256')
  if (token !== undefined && typeof token !== 'string') throw invalid('token')
  return {
    ...parseBootBase(document),
    admin,
    anchor: { root_spki_sha256: hash },
    ...(control === undefined ? {} : { control }),
    ...(token === undefined ? {} : { token }),
  }
}

function isHttpsUrl(value: unknown): value is string {
  return typeof value === 'string' && value.startsWith('https://') && URL.canParse(value)
}

function parseListener([name, value]: [string, unknown]): [string, { host: string; port: number }] {
  const { host, port } = isJsonObject(value) ? value : {}
  const isPort = typeof port === 'number' && Number.isInteger(port) && port >= 0 && port <= 65_535
  if (typeof host !== 'string' || host === '' || !isPort) throw invalid(`listen.${name}`)
  return [name, { host, port }]
}

function invalid(member: string): WorkloadError {
  return new WorkloadError('boot-invalid', `The boot file has no usable "${member}" (docs: start of a child).`)
}
