import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { text } from 'node:stream/consumers'
import { promisedStatuses, readTour, shownStatuses } from '../../demo/tour.ts'
import { root } from '../tree.ts'
import type { Supervised } from './supervised.ts'

/** Runs the blocks `sh tour` of a page against a running system; fails unless every command works and every status is as promised. */
export async function runTour(page: string, pop: Supervised): Promise<string> {
  const blocks = readTour(readFileSync(`${root}${page}`, 'utf8'), { home: pop.home, gateway: pop.run().gateway })
  const tour = blocks.map((block) => block.text).join('\n')
  // What npm has to say of the settings of the machine is no fault of the page.
  const environment = { ...process.env, POP_HOME: pop.home, npm_config_loglevel: 'error' }
  // It stops where something fails. (`pipefail` would call `tail | head` a failure.) Node's pipe is a socket: bash takes a shell whose
  // input is one for a remote login, and would read the settings of the machine first.
  const shell = spawn('bash', ['--norc', '-eu', '-c', tour], { cwd: root, env: environment })
  const [output, faults] = await Promise.all([text(shell.stdout), text(shell.stderr)])
  assert.equal(faults, '', output)
  assert.deepEqual(shownStatuses(output), promisedStatuses(tour))
  return output
}
