import { parseArgs } from 'node:util'
import { proveCrash } from './crash.ts'
import { proveLargeObject } from './large-object.ts'
import type { Figures } from './proof.ts'

const help = `npm run prove -- NAME [OPTIONS]

Proofs that take too long for a test run. Each starts a system of its own, tells how it goes on standard error, and ends with one line
of JSON: {"proof": NAME, "met": true or false, …}. The exit code is 1 when the target is missed.

  crash          kill -9 of each process in turn under mixed load: nothing acknowledged is lost, no upload is half visible, no
                 space is orphaned, ready again within 5 s
      --kills N  how many (default 40)
  large-object   an object up, down and in a range, identical, with each process growing by less than 64 MiB
      --bytes N  of the object (default 2000000000)
`

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    help: { type: 'boolean', default: false },
    kills: { type: 'string', default: '40' },
    bytes: { type: 'string', default: '2000000000' },
  },
})
const proofs: ReadonlyMap<string, () => Promise<Figures>> = new Map([
  ['crash', () => proveCrash(Number(values.kills))],
  ['large-object', () => proveLargeObject(Number(values.bytes))],
])
process.exitCode = values.help ? show(help) : await prove(positionals)

async function prove([name, ...more]: readonly string[]): Promise<number> {
  const proof = name === undefined || more.length > 0 ? undefined : proofs.get(name)
  if (proof === undefined) {
    process.stderr.write(`There is no such proof. ${help}`)
    return 2
  }
  const figures: Figures = await proof()
  process.stdout.write(`${JSON.stringify({ proof: name, ...figures })}\n`)
  return figures.met ? 0 : 1
}

function show(text: string): number {
  process.stdout.write(text)
  return 0
}
