import fs from 'node:fs/promises'
import { syncBuiltinESMExports } from 'node:module'
import { openStore, putBytes } from './test-store.ts'

// Puts or removes the object `a` and kills itself at a point within: for the test of crashes. Node's own functions are what it
// stops at, so that the driver is the one that is shipped.
const [home = '', action = '', point = ''] = process.argv.slice(2)
const store = await openStore(undefined, home)
const die = (): never => {
  process.kill(process.pid, 'SIGKILL')
  throw new Error('unreachable')
}

// The content of the object is on the disk by then, and its folder is about to be.
if (point === 'before-folder') Object.assign(fs, { open: dieOn(fs.open, (path) => path.endsWith('/objects')) })
// The book is on the disk by then, and the file that it does not name any more is about to go.
if (point === 'before-unlink') Object.assign(fs, { rm: die })
syncBuiltinESMExports()

let asked = 0
const precondition = (): void => {
  asked++
  // A put asks twice: early, and within the transaction.
  if (point === 'in-transaction' && asked === (action === 'put' ? 2 : 1)) die()
}
if (action === 'put') await putBytes(store, 'a', Buffer.alloc(150_000, 'after'), { precondition })
else await store.driver.remove('box', 'a', precondition)

function dieOn(open: typeof fs.open, at: (path: string) => boolean) {
  return (...given: Parameters<typeof fs.open>) => (at(String(given[0])) ? die() : open(...given))
}
