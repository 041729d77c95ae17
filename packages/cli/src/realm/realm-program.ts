import { spawn } from 'node:child_process'
import { text } from 'node:stream/consumers'
import { createInterface } from 'node:readline'
import { isJsonObject, parseStrictJson, type JsonObject } from '@pop-api/protocol'
import { CommandFailure, exitCodes, usageFailure, type FailureCode } from '../command-failure.ts'
import { childEnvironment } from '../up/child-environment.ts'
import { programPath } from '../up/programs.ts'

/** By the exit code of the program. */
const codes: ReadonlyMap<unknown, FailureCode> = new Map([
  [1, exitCodes.refused],
  [3, exitCodes.unreachable],
] as const)

/**
 * Has the identity package's own program carry out an order (packages/identity/bin/realm.ts). Secrets go over its standard input and
 * nowhere else. Throws a CommandFailure with what the program said.
 */
export async function orderRealm(
  order: JsonObject,
  environment: Readonly<NodeJS.ProcessEnv>,
  progress: (name: string) => void,
): Promise<JsonObject> {
  const child = spawn(process.execPath, [...process.execArgv, programPath('realm')], {
    env: childEnvironment(environment, []),
    stdio: ['pipe', 'pipe', 'pipe'],
  })
  const exited = new Promise<void>((resolve, reject) => {
    child.once('error', reject)
    child.once('close', () => resolve())
  })
  const complaints = text(child.stderr)
  // A program that ended before it read all of it has said why.
  child.stdin.on('error', () => undefined)
  child.stdin.end(JSON.stringify(order))
  let result: JsonObject | undefined
  let failure: string | undefined
  for await (const line of createInterface({ input: child.stdout })) {
    const parsed = parseStrictJson(line)
    const said = parsed.ok && isJsonObject(parsed.value) ? parsed.value : {}
    if (typeof said['progress'] === 'string') progress(said['progress'])
    if (isJsonObject(said['result'])) result = said['result']
    if (typeof said['error'] === 'string') failure = said['error']
  }
  await exited
  if (result !== undefined) return result
  if (failure !== undefined) throw new CommandFailure(codes.get(child.exitCode) ?? exitCodes.usage, failure)
  throw usageFailure(`the program for realms ended without an answer: ${(await complaints).slice(0, 400)}`)
}
