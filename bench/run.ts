import { writeFile } from 'node:fs/promises'
import { parseArgs } from 'node:util'
import { pinSelf } from './child.ts'
import { median, percentile } from './figures.ts'
import { flood, pace, type Target } from './load.ts'
import { openWorld, type BenchWorld, type Contender } from './world.ts'

const help = `npm run bench [-- OPTIONS]

CPU of one gateway on one core for each request, against a bare proxy in the same run. Load and modules are on the other core.

  --requests N   requests in each measurement (default 8000)
  --rounds N     interleaved rounds (default 3)
  --seconds N    length of each measurement at a fixed rate; 0 leaves them out (default 10)
  --json FILE    where the figures go as JSON (default bench/result.json)
  --help         this
`

/** By medians, against (a). */
const targets: Readonly<Record<Contender['name'], number | undefined>> = { a: undefined, b: 1.25, c: 2.1, d: 4.2 }
const connections = 32
const warmUp = 2_000

const { values } = parseArgs({
  options: {
    requests: { type: 'string', default: '8000' },
    rounds: { type: 'string', default: '3' },
    seconds: { type: 'string', default: '10' },
    json: { type: 'string', default: 'bench/result.json' },
    help: { type: 'boolean', default: false },
  },
})
if (values.help) process.stdout.write(help)
else process.exitCode = await run(Number(values.requests), Number(values.rounds), Number(values.seconds), values.json)

async function run(requests: number, rounds: number, seconds: number, file: string): Promise<number> {
  await using stack = new AsyncDisposableStack()
  tell('starting a system, and a gateway for each measurement')
  const world = await openWorld(stack)
  pinSelf()
  const costs = new Map<string, number[]>(world.contenders.map(({ name }) => [name, []]))
  for (let round = 1; round <= rounds; round++) {
    for (const contender of world.contenders) {
      const cost = await cpuPerRequest(world, contender, requests)
      costs.get(contender.name)?.push(cost)
      tell(`round ${round} of ${rounds}  (${contender.name}) ${cost.toFixed(0).padStart(4)} µs  ${contender.what}`)
    }
  }
  const paced = seconds > 0 ? await atFixedRates(world, seconds) : []
  const base = median(costs.get('a') ?? [])
  const figures = world.contenders.map(({ name, what, auditLevel }) => {
    const measured = costs.get(name) ?? []
    const ratio = median(measured) / base
    const target = targets[name]
    const met = target === undefined ? undefined : ratio <= target
    return { name, what, audit: auditLevel, microseconds: measured, median: median(measured), ratio, target, met }
  })
  show(figures, paced)
  const node = process.version
  await writeFile(file, `${JSON.stringify({ node, connections, requests, rounds, figures, paced }, undefined, 2)}\n`)
  tell(`figures in ${file}`)
  return figures.every(({ met }) => met !== false) ? 0 : 1
}

function targetOf({ pop, token }: BenchWorld, { measured, path }: Contender): Target {
  const lines = [
    `GET ${path} HTTP/1.1`,
    'Host: localhost',
    `Authorization: Bearer ${token}`,
    'Accept: application/json',
  ]
  return { origin: measured.origin, ca: pop.ca, request: `${lines.join('\r\n')}\r\n\r\n`, connections }
}

async function level({ pop }: BenchWorld, audit_level: 'full' | 'basic'): Promise<void> {
  await pop.changeSettings((settings) => ({ ...settings, mode: { ...settings.mode, audit_level } }))
}

async function cpuPerRequest(world: BenchWorld, contender: Contender, requests: number): Promise<number> {
  await level(world, contender.auditLevel)
  const target = targetOf(world, contender)
  await flood(target, warmUp)
  const before = contender.measured.cpuMicroseconds()
  await flood(target, requests)
  return (contender.measured.cpuMicroseconds() - before) / requests
}

interface Paced {
  readonly name: string
  readonly perSecond: number
  readonly p50: number
  readonly p99: number
}

async function atFixedRates(world: BenchWorld, seconds: number): Promise<readonly Paced[]> {
  const paced: Paced[] = []
  for (const perSecond of [500, 1000]) {
    for (const contender of world.contenders.filter(({ name }) => name === 'a' || name === 'd')) {
      await level(world, contender.auditLevel)
      const latencies = await pace(targetOf(world, contender), perSecond, seconds)
      const [p50, p99] = [percentile(latencies, 0.5), percentile(latencies, 0.99)]
      paced.push({ name: contender.name, perSecond, p50, p99 })
      tell(`${perSecond}/s  (${contender.name}) p50 ${p50.toFixed(1)} ms, p99 ${p99.toFixed(1)} ms`)
    }
  }
  return paced
}

interface Figure {
  readonly name: string
  readonly what: string
  readonly audit: string
  readonly microseconds: readonly number[]
  readonly median: number
  readonly ratio: number
  readonly target: number | undefined
  readonly met: boolean | undefined
}

function show(figures: readonly Figure[], paced: readonly Paced[]): void {
  const rows = figures.map(({ name, what, audit, microseconds, median: middle, ratio, target, met }) => {
    const goal = target === undefined ? '–' : `≤ ${target} ${met === true ? 'met' : 'MISSED'}`
    const least = Math.min(...microseconds).toFixed(0)
    return `| (${name}) | ${what} | ${audit} | ${least} | ${middle.toFixed(0)} | ${ratio.toFixed(2)} | ${goal} |`
  })
  const heading = [
    '| | what | audit | minimum µs | median µs | against (a) | target |',
    '| --- | --- | --- | --- | --- | --- | --- |',
  ]
  process.stdout.write(`\n${[...heading, ...rows].join('\n')}\n`)
  for (const { name, perSecond, p50, p99 } of paced)
    process.stdout.write(`(${name}) at ${perSecond}/s: p50 ${p50.toFixed(1)} ms, p99 ${p99.toFixed(1)} ms\n`)
}

function tell(text: string): void {
  process.stderr.write(`${text}\n`)
}
