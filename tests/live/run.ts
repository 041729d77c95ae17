import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { globSync } from 'node:fs'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { basename, join } from 'node:path'
import { parseArgs } from 'node:util'
import { startControl } from '@pop-api/control'
import { root } from '../tree.ts'
import { policy, settings } from './development.ts'
import { startKeycloak } from './servers/keycloak.ts'
import { LiveError, tell } from './tell.ts'

const help = `npm run test:live [-- SUITE … OPTIONS]

Tests against real servers. What is missing is fetched into ~/.cache/pop-live (POP_LIVE_CACHE says another folder) or installed;
where that cannot be, the run fails: nothing is skipped.

  keycloak         Keycloak 26.7.3: the realm as code, every way in, lockout, revocation, and the end-to-end suite on it
  --file WORD      only files whose name has this word
  --only PATTERN   only tests whose name has this pattern
`

/** Suite → what Node's test runner is given. */
const suites: ReadonlyMap<string, readonly string[]> = new Map([
  [
    'keycloak',
    [
      'tests/live/keycloak/*.live.ts',
      // What is shown with the embedded provider holds with Keycloak as well.
      ...[
        'matrix',
        'oauth',
        'objects',
        'own-operations',
        'live-settings',
        'path',
        'sign-in',
        'stream',
        'test-tokens',
      ].map((name) => `tests/e2e/${name}.test.ts`),
    ],
  ],
])

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: { help: { type: 'boolean', default: false }, file: { type: 'string' }, only: { type: 'string' } },
})
const unknown = positionals.filter((name) => !suites.has(name))
if (values.help) process.stdout.write(help)
else if (unknown.length > 0) {
  process.stderr.write(`There is no suite ${unknown.join(', ')}. ${help}`)
  process.exitCode = 2
} else {
  try {
    process.exitCode = await run(positionals.length === 0 ? [...suites.keys()] : positionals, values)
  } catch (error) {
    if (!(error instanceof LiveError)) throw error
    tell(error.message)
    process.exitCode = 1
  }
}

async function run(
  names: readonly string[],
  { file, only }: { readonly file?: string; readonly only?: string },
): Promise<number> {
  await using stack = new AsyncDisposableStack()
  const folder = await mkdtemp(join(tmpdir(), 'pop-live-'))
  stack.defer(() => rm(folder, { recursive: true, force: true }))
  const control = await makeControlHome(folder)
  const keycloak = stack.use(await startKeycloak(folder, control.ca))
  const { server, ca, adminPassword, clientAuthority, group } = keycloak
  const live = { keycloak: { server, ca, adminPassword, clientAuthority, group }, controlHome: control.home }
  const all = globSync(
    names.flatMap((name) => suites.get(name) ?? []),
    { cwd: root },
  )
  const files = all.filter((path) => file === undefined || basename(path).includes(file))
  if (files.length === 0) throw new LiveError('There is no such file of tests.')
  const patterns = only === undefined ? [] : [`--test-name-pattern=${only}`]
  const words = [
    '--test',
    '--test-reporter=spec',
    '--test-timeout=300000',
    '--test-concurrency=1',
    ...patterns,
    ...files,
  ]
  const child = spawn(process.execPath, [...process.execArgv, ...words], {
    cwd: root,
    stdio: 'inherit',
    env: { ...process.env, POP_LIVE: JSON.stringify(live), POP_TEST_PROVIDER: 'keycloak', NODE_EXTRA_CA_CERTS: ca },
  })
  const forward = (signal: NodeJS.Signals): void => void child.kill(signal)
  process.on('SIGINT', forward).on('SIGTERM', forward)
  await once(child, 'exit')
  return child.exitCode ?? 1
}

/**
 * The home of a control that has made its keys: each test system begins with a copy of it. So its public CA is known before Keycloak
 * starts, which reads at its start whom it trusts.
 */
async function makeControlHome(folder: string): Promise<{ readonly home: string; readonly ca: string }> {
  const home = join(folder, 'control')
  const anyPort = { host: '127.0.0.1', port: 0 }
  const control = await startControl({
    home,
    listen: { control: anyPort, admin: anyPort },
    domain: 'pop.internal',
    name: 'control-1',
    environment: 'development',
    policy,
    settings,
    approveAutomatically: true,
  })
  const ca = join(folder, 'ca.pem')
  await writeFile(ca, control.caPem)
  await control[Symbol.asyncDispose]()
  return { home, ca }
}
