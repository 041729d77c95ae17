import assert from 'node:assert/strict'
import { appendFile, mkdir, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { test } from 'node:test'
import { openLogFile } from './log-file.ts'
import { followLog, lastLines } from './log-tail.ts'
import { makeTemporaryFolder } from './temporary-folder.ts'

test('openLogFile() adds to what is there, for its owner alone', async () => {
  await using folder = await makeTemporaryFolder()
  const path = join(folder.path, 'logs/a.log')
  for (const line of ['one', 'two']) {
    using log = openLogFile(path)
    log.write(line)
  }
  assert.equal(await readFile(path, 'utf8'), 'one\ntwo\n')
  assert.equal((await stat(path)).mode & 0o777, 0o600)
  assert.equal((await stat(join(folder.path, 'logs'))).mode & 0o777, 0o700)
})

test('openLogFile() begins a new piece at the size, keeps so many and cuts no line', async () => {
  await using folder = await makeTemporaryFolder()
  const path = join(folder.path, 'a.log')
  using log = openLogFile(path, { bytesMax: 10, kept: 2 })
  for (const line of ['1111', '2222', '3333', '4444', '5555', '6666', '7777', 'longer than a piece']) log.write(line)
  assert.deepEqual((await readdir(folder.path)).sort(), ['a.log', 'a.log.1', 'a.log.2'])
  assert.equal(await readFile(path, 'utf8'), 'longer than a piece\n')
  assert.equal(await readFile(`${path}.1`, 'utf8'), '7777\n')
  assert.equal(await readFile(`${path}.2`, 'utf8'), '5555\n6666\n')
})

test('openLogFile() tells once that lines are lost, does not throw, and goes on when it can', async () => {
  await using folder = await makeTemporaryFolder()
  const path = join(folder.path, 'logs/a.log')
  const faults: unknown[] = []
  using log = openLogFile(path, { bytesMax: 4, onFault: (error) => faults.push(error) })
  log.write('one')
  await rm(join(folder.path, 'logs'), { recursive: true })
  await writeFile(join(folder.path, 'logs'), 'no folder any more')
  log.write('two')
  log.write('three')
  assert.equal(faults.length, 1)
  await rm(join(folder.path, 'logs'))
  await mkdir(join(folder.path, 'logs'))
  log.write('four')
  assert.equal(await readFile(path, 'utf8'), 'four\n')
})

test('lastLines() gives the last lines, those of the earlier piece first', async () => {
  await using folder = await makeTemporaryFolder()
  const path = join(folder.path, 'a.log')
  assert.deepEqual(await lastLines(path, 3), [])
  await writeFile(`${path}.1`, '1\n2\n')
  await writeFile(path, '3\n4\n')
  assert.deepEqual(await lastLines(path, 1), ['4'])
  assert.deepEqual(await lastLines(path, 3), ['2', '3', '4'])
  assert.deepEqual(await lastLines(path, 0), [])
})

test('followLog() gives each whole line once, from its present end on, across a rotation', async () => {
  await using folder = await makeTemporaryFolder()
  const path = join(folder.path, 'a.log')
  using log = openLogFile(path, { bytesMax: 12, kept: 2 })
  log.write('before')
  await using tail = await followLog(path)
  assert.deepEqual(await tail.next(), [])
  log.write('1 é')
  log.write('2 this begins a new piece')
  assert.deepEqual(await tail.next(), ['1 é', '2 this begins a new piece'])
  await appendFile(path, 'half')
  assert.deepEqual(await tail.next(), [])
  await appendFile(path, ' a line\n')
  assert.deepEqual(await tail.next(), ['half a line'])
})

test('followLog() waits for a log that is not there yet', async () => {
  await using folder = await makeTemporaryFolder()
  const path = join(folder.path, 'a.log')
  await using tail = await followLog(path)
  assert.deepEqual(await tail.next(), [])
  await writeFile(path, 'first\n')
  assert.deepEqual(await tail.next(), ['first'])
})
