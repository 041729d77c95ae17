import assert from 'node:assert/strict'
import { generateKeyPairSync } from 'node:crypto'
import { mkdtemp, rm } from 'node:fs/promises'
import { connect } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { manifestDigest, type InstanceReport } from '@pop-api/protocol'
import { openBook } from './book/book.ts'
import { startModule } from './start.ts'
import { notes, notesManifest } from './test-notes.ts'
import type { ModuleWorkload } from './workload.ts'

test('startModule() settles the book, reports this start, and ends what it began', async () => {
  const home = await mkdtemp(join(tmpdir(), 'pop-start-'))
  await using _home = { [Symbol.asyncDispose]: () => rm(home, { recursive: true }) }
  {
    using book = openBook(join(home, 'book.db'), Date.now)
    for (const id of ['made', 'unmade']) book.reserve({ kind: 'note', id, owner: 'user:bob', visibility: 'private' })
  }
  const reports: InstanceReport[] = []
  const workload: ModuleWorkload = {
    spiffeId: 'spiffe://pop.internal/module/notes/1',
    credentials: () => ({ wit: '', messageKey: generateKeyPairSync('ec', { namedCurve: 'P-256' }).privateKey }),
    onRenew: () => {},
    bulletin: { section: () => undefined, onChange: () => {} },
    reportInstance: async (report) => void reports.push(report),
  }
  const transport = { meshServerOptions: () => ({}), peerSpiffeId: () => undefined }
  const { definition } = notes({}, (_kind, id) => id === 'made')
  const options = { definition, workload, transport, listen: { host: '127.0.0.1', port: 0 }, home }
  for (let start = 0; start < 2; start++) {
    await using running = await startModule(options)
    assert.match(running.address, /^https:\/\/127\.0\.0\.1:\d+$/)
    assert.equal(reports[start]?.address, running.address)
    assert.equal(reports[start]?.manifest_digest, manifestDigest(notesManifest))
    const port = Number(new URL(running.address).port)
    await assert.rejects(startModule({ ...options, home: join(home, 'other'), listen: { host: '127.0.0.1', port } }), {
      code: 'EADDRINUSE',
    })
    const socket = connect(port, '127.0.0.1')
    await new Promise((resolve) => socket.once('connect', resolve))
    socket.destroy()
  }
  // 128 random bits, and others at each start: a seal for an earlier one never holds.
  assert.match(reports[0]?.boot ?? '', /^[A-Za-z0-9_-]{22}$/)
  assert.notEqual(reports[0]?.boot, reports[1]?.boot)
  using book = openBook(join(home, 'book.db'), Date.now)
  assert.notEqual(book.find('note', 'made'), undefined)
  assert.equal(book.find('note', 'unmade'), undefined)
})
