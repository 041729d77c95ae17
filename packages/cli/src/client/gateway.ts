import { stat } from 'node:fs/promises'
import { join, resolve } from 'node:path'
import { getCACertificates } from 'node:tls'
import type { Command } from 'commander'
import { usageFailure } from '../command-failure.ts'
import { issuerRoots } from '../realm/issuer-roots.ts'
import { findHome } from '../up/home.ts'
import { errorCode } from '../up/own-file.ts'
import { readRunFile } from '../up/run-file.ts'
import { textOption } from '../up/words.ts'
import { readCertificates } from './certificates.ts'

/** The gateway that a command speaks to, or the identity provider that it names. */
export interface Gateway {
  /** What it is in messages; the gateway unless told. */
  readonly name?: string
  /** `https://host:port` */
  readonly origin: string
  /** Certificates that its own may come from, PEM. */
  readonly roots: readonly string[]
  /** Where these are from, for messages. */
  readonly rootsFrom: string
  /** What the certificate of the home's own identity provider may come from besides, PEM. */
  readonly issuerRoots: readonly string[]
}

const giveCa = 'give the CA of the gateway with --ca'
const usualOrigin = 'https://localhost:8443'

/**
 * `--gateway`, else the gateway of the run in the home, else the usual address. Its certificate must come from `--ca`; without that
 * option from `<home>/ca.pem`, where there is one, or from an authority that this machine trusts. Throws a CommandFailure (usage),
 * also where there is neither an option nor a home.
 */
export async function findGateway(command: Command, environment: Readonly<NodeJS.ProcessEnv>): Promise<Gateway> {
  const home = await findHome(textOption(command, 'home'), environment)
  const given = textOption(command, 'gateway')
  const origin = given === undefined ? ((await readRunFile(home))?.gateway ?? usualOrigin) : parseOrigin(given)
  const ca = textOption(command, 'ca')
  if (ca !== undefined) {
    const path = resolve(ca)
    const root = await readCertificates(path, giveCa)
    if (root === undefined) throw usageFailure(`there is no file ${path}: give an existing one with --ca`)
    return { origin, roots: [root], rootsFrom: path, issuerRoots: [] }
  }
  if (given === undefined && !(await isFolder(home))) {
    const next = 'Start one with `pop up`, give its folder with --home, or a gateway with --gateway and --ca'
    throw usageFailure(`no home was found: there is no folder ${home}. ${next}`)
  }
  const path = join(home, 'ca.pem')
  // Of the gateway of this home alone: another one has another provider.
  const ofIssuer = given === undefined ? await issuerRoots(home) : []
  const root = await readCertificates(path, giveCa)
  const system = getCACertificates('default')
  if (root === undefined)
    return { origin, roots: system, rootsFrom: 'the authorities that this machine trusts', issuerRoots: ofIssuer }
  return {
    origin,
    roots: [root, ...system],
    rootsFrom: `${path} or the authorities that this machine trusts`,
    issuerRoots: ofIssuer,
  }
}

/** The origin of an URL such as `https://localhost:8443`. Throws a CommandFailure (usage) for anything else. */
function parseOrigin(text: string): string {
  const url = URL.parse(text)
  const usable =
    url !== null && url.protocol === 'https:' && url.username === '' && url.password === '' && url.pathname === '/'
  if (usable && url.search === '' && url.hash === '') return url.origin
  throw usageFailure(`--gateway must be https://HOST or https://HOST:PORT, without a path; it is ${text}`)
}

async function isFolder(path: string): Promise<boolean> {
  try {
    return (await stat(path)).isDirectory()
  } catch (error) {
    if (['ENOENT', 'ENOTDIR'].includes(errorCode(error))) return false
    throw usageFailure(`the home ${path} cannot be looked at (${errorCode(error)})`, error)
  }
}
