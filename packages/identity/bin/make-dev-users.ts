#!/usr/bin/env node
import { ensureDevUsers } from '../src/dev-users-file.ts'

// make-dev-users FILE: makes the users of development when FILE is absent. Exit 0: it is there and usable; 2: it is not.
const [path, ...others] = process.argv.slice(2)
if (path === undefined || path === '' || others.length > 0) {
  process.stderr.write('make-dev-users: give the path of one file\n')
  process.exitCode = 2
} else {
  try {
    await ensureDevUsers(path)
  } catch (error) {
    // What went wrong is said in one line: the supervisor shows it as it is.
    const [line = ''] = (error instanceof Error ? error.message : String(error)).split('\n')
    process.stderr.write(`make-dev-users: ${line}\n`)
    process.exitCode = 2
  }
}
