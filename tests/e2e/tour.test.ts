import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { text } from 'node:stream/consumers'
import { test } from 'node:test'
import { root } from '../tree.ts'
import { startSupervised } from './supervised.ts'

/** What the README's tour says, with the home and the port of this run in place of its own. */
function tourOf(home: string, gateway: string): string {
  const blocks = [...readFileSync(`${root}README.md`, 'utf8').matchAll(/```sh tour\n(.*?)```/gs)]
  const tour = blocks.map(([, block = '']) => block).join('\n')
  return tour.replaceAll('.pop/', `${home}/`).replaceAll('https://localhost:8443', gateway)
}

/** The status that each call of the tour promises, in its order. */
function promised(tour: string): string[] {
  return [...tour.matchAll(/ # (\d{3})$/gm)].map(([, status = '']) => status)
}

test('the tour of the README does what it says', async () => {
  await using pop = await startSupervised()
  const tour = tourOf(pop.home, pop.run().gateway)
  const environment = { ...process.env, POP_HOME: pop.home }
  const shell = spawn('bash', ['-euo', 'pipefail', '-c', tour], { cwd: root, env: environment })
  const [output, faults] = await Promise.all([text(shell.stdout), text(shell.stderr)])
  // npm may have its own opinion on the settings of the machine.
  assert.deepEqual(
    faults.split('\n').filter((line) => line !== '' && !line.startsWith('npm warn ')),
    [],
  )
  assert.deepEqual(
    output.split('\n').filter((line) => /^\d{3}$/.test(line)),
    promised(tour),
  )
  assert.match(output, /"n":10/)
  assert.match(output, /"decision":"/)
  for (const word of ['gateway', 'kafka_service', 'resource_creation', 'resource_deletion', 'sign_in'])
    assert.match(output, new RegExp(word))
})
