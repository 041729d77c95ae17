import { createHash, randomBytes } from 'node:crypto'
import { openStore, putBytes } from './test-store.ts'

// Puts and removes objects without end, three at a time, and tells the parent before and after each: for the test of crashes.
const store = await openStore(undefined, process.argv[2])
const tell = (message: object): void => void process.send?.(message)

async function work(name: string): Promise<never> {
  for (let count = 0; ; count = (count + 1) % 5) {
    const key = `${name}/${count}`
    const bytes = randomBytes(Math.floor(Math.random() * 300_000))
    tell({ key, done: false })
    await putBytes(store, key, bytes)
    tell({ key, done: true, sha256: createHash('sha256').update(bytes).digest('base64url') })
    if (count !== 3) continue
    tell({ key, done: false })
    await store.driver.remove('box', key, () => undefined)
    tell({ key, done: true })
  }
}

await Promise.all(['a', 'b', 'c'].map(work))
