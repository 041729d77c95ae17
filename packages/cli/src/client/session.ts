import { createHash } from 'node:crypto'
import { mkdir, rm, stat } from 'node:fs/promises'
import { homedir } from 'node:os'
import { isAbsolute, join } from 'node:path'
import { isCount, isJsonObject, isPlainText, parseStrictJson, tokenCharactersMax } from '@pop-api/protocol'
import { usageFailure } from '../command-failure.ts'
import { errorCode, readOwnFile, writeOwnFile } from '../up/own-file.ts'

/** A sign-in at one gateway, as it is kept between commands. */
export interface Session {
  /** Origin of the gateway: a token never goes to another. */
  readonly gateway: string
  readonly accessToken: string
  /** Clients with their own secret have none. */
  readonly refreshToken: string | undefined
  /** End of the access token by the clock of this machine, milliseconds since 1970. */
  readonly expiresAtMs: number
  readonly scope: string | undefined
  /** The public client that it was given to, and which must be named to renew or end it; absent for the gateway's own. */
  readonly clientId?: string
}

/** `$XDG_CONFIG_HOME/pop`, else `~/.config/pop`. A relative XDG path is ignored, as its specification says. */
export function sessionFolder(environment: Readonly<NodeJS.ProcessEnv>): string {
  const configured = environment['XDG_CONFIG_HOME'] ?? ''
  const home = environment['HOME'] || homedir()
  return join(isAbsolute(configured) ? configured : join(home, '.config'), 'pop')
}

/** The file of one gateway: readable, and different for any two origins. */
export function sessionPath(environment: Readonly<NodeJS.ProcessEnv>, origin: string): string {
  const digest = createHash('sha256').update(origin).digest('hex').slice(0, 12)
  const readable = new URL(origin).host.replaceAll(/[^a-z0-9.-]/g, '_')
  return join(sessionFolder(environment), `${readable}-${digest}.json`)
}

/** Makes the folder of the sessions (0700). Throws a CommandFailure (usage) for one that others can enter. */
export async function makeSessionFolder(environment: Readonly<NodeJS.ProcessEnv>): Promise<void> {
  const folder = sessionFolder(environment)
  try {
    await mkdir(folder, { recursive: true, mode: 0o700 })
  } catch (error) {
    throw usageFailure(`the folder ${folder} for tokens cannot be made (${errorCode(error)})`, error)
  }
  const { mode, uid } = await stat(folder)
  if (process.getuid !== undefined && uid !== process.getuid()) throw usageFailure(`${folder} belongs to another user`)
  if ((mode & 0o077) !== 0) throw usageFailure(`${folder} can be entered by others. Run: chmod 700 ${folder}`)
}

/**
 * Reads the session at a gateway; undefined when nobody is signed in there. Throws a CommandFailure (usage) for a file that others
 * can read or that is not ours.
 */
export async function readSession(
  environment: Readonly<NodeJS.ProcessEnv>,
  origin: string,
): Promise<Session | undefined> {
  const path = sessionPath(environment, origin)
  const text = await readOwnFile(path)
  if (text === undefined) return undefined
  const session = parseSession(text)
  if (session?.gateway === origin) return session
  throw usageFailure(`${path} is not a session at ${origin} of version 1. Remove it, then run \`pop login\``)
}

/** Writes a session, whole or not at all, for its owner only. The folder must be there. */
export async function writeSession(environment: Readonly<NodeJS.ProcessEnv>, session: Session): Promise<void> {
  const document = {
    version: 1,
    gateway: session.gateway,
    access_token: session.accessToken,
    refresh_token: session.refreshToken,
    expires_at_ms: session.expiresAtMs,
    scope: session.scope,
    client_id: session.clientId,
  }
  const path = sessionPath(environment, session.gateway)
  try {
    await writeOwnFile(path, `${JSON.stringify(document, undefined, 2)}\n`)
  } catch (error) {
    throw usageFailure(`the tokens cannot be kept in ${path} (${errorCode(error)})`, error)
  }
}

/** Removes the session at a gateway, also when there is none. */
export async function removeSession(environment: Readonly<NodeJS.ProcessEnv>, origin: string): Promise<void> {
  await rm(sessionPath(environment, origin), { force: true })
}

function parseSession(text: string): Session | undefined {
  const parsed = parseStrictJson(text)
  const members = parsed.ok && isJsonObject(parsed.value) ? parsed.value : {}
  const { version, gateway, access_token: accessToken, expires_at_ms: expiresAtMs } = members
  const { refresh_token: refreshToken, scope, client_id: clientId } = members
  if (version !== 1 || typeof gateway !== 'string' || !isCount(expiresAtMs)) return undefined
  if (!isPlainText(accessToken, tokenCharactersMax)) return undefined
  if (refreshToken !== undefined && !isPlainText(refreshToken, tokenCharactersMax)) return undefined
  if (scope !== undefined && !isPlainText(scope, 2048)) return undefined
  if (clientId !== undefined && !isPlainText(clientId, 256)) return undefined
  const session = { gateway, accessToken, refreshToken, expiresAtMs, scope }
  return clientId === undefined ? session : { ...session, clientId }
}
