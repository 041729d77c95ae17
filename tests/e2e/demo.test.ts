import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { text } from 'node:stream/consumers'
import { test } from 'node:test'
import { promisedStatuses, readTour, shownStatuses, splitCommands } from '../../demo/tour.ts'
import { root } from '../tree.ts'

/** The demo as a process, whose temporary files come to lie in a folder of the test. */
async function startDemo(words: readonly string[]) {
  const folder = await mkdtemp(join(tmpdir(), 'pop-demo-test-'))
  const child = spawn(process.execPath, [`${root}demo/run.ts`, ...words], {
    cwd: root,
    env: { ...process.env, TMPDIR: folder },
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  const exited = once(child, 'exit')
  return {
    child,
    exited,
    folder,
    errors: text(child.stderr),
    [Symbol.asyncDispose]: async () => {
      if (child.exitCode === null && child.signalCode === null) child.kill()
      await exited
      await rm(folder, { recursive: true, force: true })
    },
  }
}

/** What the demo has in its folder; npm keeps things of its own there. */
async function leftIn(folder: string): Promise<readonly string[]> {
  return (await readdir(folder)).filter((name) => name.startsWith('pop-'))
}

test('npm run demo -- --fast plays every command of the tour, and leaves nothing', async () => {
  await using demo = await startDemo(['--fast'])
  const [output, errors] = await Promise.all([text(demo.child.stdout), demo.errors, demo.exited])
  assert.equal(demo.child.exitCode, 0, errors)
  assert.equal(errors, '')
  const page = await readFile(`${root}README.md`, 'utf8')
  const tour = readTour(page, { home: '.pop', gateway: 'https://localhost:8443' }).map((block) => block.text)
  assert.deepEqual(shownStatuses(output), promisedStatuses(tour.join('\n')))
  const prompts = output.split('\n').filter((line) => line.startsWith('$ '))
  assert.equal(prompts.length, tour.flatMap(splitCommands).length)
  assert.doesNotMatch(output, /8443|\.pop\//)
  assert.deepEqual(await leftIn(demo.folder), [])
})

test('a demo whose reader leaves, or that is told to stop, stops its system and removes its home', async () => {
  for (const end of ['closed', 'SIGTERM'] as const) {
    await using demo = await startDemo(['--pace', '600'])
    for await (const chunk of demo.child.stdout.iterator({ destroyOnReturn: false })) {
      // The system is up by then, and the first command waits for its time.
      if (String(chunk).includes('$ ')) break
    }
    const [home] = await leftIn(demo.folder)
    const run = JSON.parse(await readFile(join(demo.folder, home ?? '', 'home', 'run.json'), 'utf8'))
    demo.child.stdout.destroy()
    demo.child.kill(end === 'closed' ? 'SIGHUP' : end)
    await demo.exited
    assert.equal(demo.child.exitCode, 130, await demo.errors)
    assert.deepEqual(await leftIn(demo.folder), [])
    assert.throws(() => process.kill(run.supervisor.pid, 0), { code: 'ESRCH' })
  }
})

test('npm run demo refuses options that it does not have, and to wait for keys where no terminal is', async () => {
  for (const [words, said] of [
    [['--slow'], /--slow/],
    [['--pace', 'often'], /--pace 3/],
    [[], /no terminal/],
  ] as const) {
    await using demo = await startDemo(words)
    await demo.exited
    assert.equal(demo.child.exitCode, 2)
    assert.match(await demo.errors, said)
    assert.deepEqual(await leftIn(demo.folder), [])
  }
})

test('splitCommands() takes a text apart where bash does, and readTour() only what is marked', () => {
  const places = { home: '/h', gateway: 'https://localhost:1' }
  const page =
    '# Top\n\nRead.\n\n```sh\nrm .pop/x\n```\n\n## More\n\nBefore.\n\nFirst.\n\n```sh tour\ncat .pop/ca.pem # 200\n```\n'
  assert.deepEqual(readTour(page, places), [{ says: 'First.', text: 'cat /h/ca.pem # 200\n' }])
  assert.deepEqual(splitCommands('f() {\n  echo 1\n}\n\n# why\nf |\n  cat\necho "a\nb"\ncurl \\\n  x\n'), [
    'f() {\n  echo 1\n}',
    '# why\nf |\n  cat',
    'echo "a\nb"',
    'curl \\\n  x',
  ])
  assert.throws(() => splitCommands('echo "a'), /ends within a command/)
})
