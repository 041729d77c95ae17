import assert from 'node:assert/strict'
import { appendFile, mkdtemp, readFile, rm, stat, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { identifyRevocation, type PopError, type RevocationFacts } from '@pop-api/protocol'
import { openRevocations } from './revocations.ts'
import { callerWith } from './test-callers.ts'

const now = 1_800_000_000
const nowMs = (): number => now * 1000

async function folder() {
  const home = await mkdtemp(join(tmpdir(), 'pop-revocations-'))
  const failures: unknown[] = []
  return {
    file: join(home, 'revocations.jsonl'),
    failures,
    open: (clock = nowMs) => openRevocations(home, clock, (failure) => void failures.push(failure)),
    [Symbol.asyncDispose]: () => rm(home, { recursive: true }),
  }
}

const session = (value: string, until = now + 100): RevocationFacts => ({ kind: 'sid', value, until })
const token = (value: string, until = now + 100): RevocationFacts => ({ kind: 'jti', value, until })
const idOf = (facts: RevocationFacts): string => identifyRevocation(facts).id
const section = (...facts: RevocationFacts[]) => ({ revocations: facts.map(identifyRevocation) })
const at = (sequence: number, epoch = 1) => ({ epoch, sequence })

test('openRevocations() covers a token by jti and a session by sid, and nothing else', async () => {
  await using home = await folder()
  await using list = await home.open()
  await list.add([token('a')])
  await list.add([session('s')])
  assert.equal(list.cover(callerWith({ jti: 'a' })), true)
  assert.equal(list.cover(callerWith({ jti: 'b', sid: 's' })), true)
  assert.equal(list.cover(callerWith({ jti: 'b', sid: 'a' })), false)
  assert.equal(list.cover(callerWith({ jti: 's' })), false)
})

test('openRevocations() covers what the bulletin says, until the bulletin says it no more', async () => {
  await using home = await folder()
  await using list = await home.open()
  list.apply(section(session('s-1'), { kind: 'kid', value: 'k-1', until: now + 9 }), at(1))
  assert.equal(list.cover(callerWith()), true)
  assert.equal(list.cover(callerWith({ sid: 's-2', kid: 'k-1' })), true)
  assert.equal(list.cover(callerWith({ sid: 's-2', kid: 'k-2' })), false)
  assert.deepEqual([list.coversKey('k-1'), list.coversKey('k-2')], [true, false])
  list.apply(section(), at(2))
  assert.equal(list.cover(callerWith()), false)
})

test('openRevocations() remembers over a restart what has not ended, and drops the rest', async () => {
  await using home = await folder()
  {
    await using list = await home.open()
    await list.add([token('short', now + 1), token('long')])
  }
  await using again = await home.open(() => nowMs() + 50_000)
  assert.equal(again.cover(callerWith({ jti: 'long' })), true)
  assert.equal(again.cover(callerWith({ jti: 'short' })), false)
  assert.equal((await readFile(home.file, 'utf8')).split('\n').length, 2)
  assert.equal((await stat(home.file)).mode & 0o777, 0o600)
})

test('openRevocations() ignores a line that was torn by a crash', async () => {
  await using home = await folder()
  {
    await using list = await home.open()
    await list.add([token('a')])
  }
  await appendFile(home.file, JSON.stringify({ revocation: identifyRevocation(token('b')) }))
  await using again = await home.open()
  assert.equal(again.cover(callerWith({ jti: 'a' })), true)
  assert.equal(again.cover(callerWith({ jti: 'b' })), false)
})

test('openRevocations() reads lines of the first version, and tells control of them', async () => {
  await using home = await folder()
  await writeFile(home.file, `{"kind":"sid","id":"s-1","until":${now + 100}}\n`)
  await using list = await home.open()
  assert.equal(list.cover(callerWith()), true)
  assert.deepEqual(
    list.queue.waiting(9).map(({ kind, value }) => [kind, value]),
    [['sid', 's-1']],
  )
})

const foreign = [
  '{"kind":"user","id":"a","until":1}',
  '{"kind":"jti","id":"a","until":1e999}',
  'x',
  '{"kind":"jti","id":7,"until":1}',
  '{"revocation":{"kind":"sid"}}',
  '{"told":"a"}',
  '{"once":"a"}',
]
for (const line of foreign) {
  test(`openRevocations() does not start on the line ${line}: to go on would let in what was revoked`, async () => {
    await using home = await folder()
    await writeFile(home.file, `${line}\n`)
    await assert.rejects(home.open(), /revocations\.jsonl:1 is no revocation/)
  })
}

test('add() takes a message once, also over a restart, and keeps its revocation with it', async () => {
  await using home = await folder()
  const once = { id: 'logout l-1', until: now + 60 }
  {
    await using list = await home.open()
    const both = await Promise.all([list.add([session('s-1')], once), list.add([session('s-2')], once)])
    assert.deepEqual(both, ['added', 'used'])
  }
  {
    await using again = await home.open()
    assert.equal(await again.add([session('s-3')], once), 'used')
    assert.equal(again.cover(callerWith({ sid: 's-1' })), true)
    assert.equal(again.cover(callerWith({ sid: 's-2' })), false)
    assert.equal(again.cover(callerWith({ sid: 's-3' })), false)
  }
  await using later = await home.open(() => nowMs() + 61_000)
  assert.equal(await later.add([session('s-4')], once), 'added', 'its message has ended by itself')
})

test('what control has acknowledged waits no more, also over a restart, and holds on', async () => {
  await using home = await folder()
  {
    await using list = await home.open()
    await list.add([session('s-1'), session('s-2')])
    await list.queue.acknowledge([idOf(session('s-1'))], at(5))
  }
  await using again = await home.open()
  assert.deepEqual(
    again.queue.waiting(9).map(({ value }) => value),
    ['s-2'],
  )
  assert.equal(again.cover(callerWith({ sid: 's-1' })), true)
})

test('add() keeps a thousand single tokens of one holder, and then wants the session ended; others are not kept out', async () => {
  await using home = await folder()
  let clockMs = nowMs()
  await using list = await home.open(() => clockMs)
  const of = (by: string, value: string): RevocationFacts => ({
    ...token(value),
    account: { reason: 'r', by, at: now },
  })
  await list.add(Array.from({ length: 1000 }, (_, at) => of('user:mallory', `m-${at}`)))
  await assert.rejects(list.add([of('user:mallory', 'one more')]), { code: 'rate-limited' })
  assert.equal(await list.add([of('user:bob', 'b-1')]), 'added')
  assert.equal(await list.add([{ ...session('s-9'), account: { reason: 'r', by: 'user:mallory', at: now } }]), 'added')
  clockMs += 101_000
  const later = { ...of('user:mallory', 'later'), until: now + 200 }
  assert.equal(await list.add([later]), 'added', 'the others have ended')
})

test('add() keeps a thousand sessions of one holder, and keeps nobody else out', async () => {
  await using home = await folder()
  await using list = await home.open()
  const of = (by: string, value: string): RevocationFacts => ({
    ...session(value),
    account: { reason: 'signed out', by, at: now },
  })
  const many = (by: string) => Array.from({ length: 1000 }, (_, at) => of(by, `${by} ${at}`))
  await list.add(many('user:mallory'))
  await assert.rejects(list.add([of('user:mallory', 'one more')]), { code: 'rate-limited' })
  assert.equal(await list.add([of('user:mallory', 'user:mallory 7')]), 'added', 'which is listed already')
  assert.equal(await list.add([of('user:bob', 'b-1')]), 'added')
  const unknown = 'the holder of a refresh token'
  await list.add(many(unknown))
  assert.equal(await list.add([of(unknown, 'one more')]), 'added')
})

/** Applies a section and waits until the own list was compared with it. */
async function compared(list: Awaited<ReturnType<typeof openRevocations>>, ...told: Parameters<typeof list.apply>) {
  const { promise, resolve } = Promise.withResolvers<void>()
  list.onAdd(resolve)
  list.apply(...told)
  await promise
}

test('what an operator took back is in force no more, and what control has not seen yet goes on', async () => {
  await using home = await folder()
  const [told, waiting] = [session('s-1'), session('s-2')]
  {
    await using list = await home.open()
    await list.add([told, waiting])
    await list.queue.acknowledge([idOf(told)], at(5))
    await compared(list, section(), at(4))
    assert.equal(list.cover(callerWith()), true, 'the bulletin had not come so far')
    await compared(list, section(told), at(5))
    assert.equal(list.cover(callerWith()), true)
    await compared(list, section(), at(6))
    assert.equal(list.cover(callerWith()), false)
    assert.equal(list.cover(callerWith({ sid: 's-2' })), true)
  }
  await using again = await home.open()
  assert.equal(again.cover(callerWith()), false)
})

test('what a control has lost that came back from an older copy of its store is told anew', async () => {
  await using home = await folder()
  await using list = await home.open()
  await list.add([session('s-1')])
  await list.queue.acknowledge([idOf(session('s-1'))], at(5))
  await compared(list, section(), at(3, 2))
  assert.equal(list.cover(callerWith()), true)
  assert.equal(list.queue.waiting(9).length, 1)
})

test('add() says that a revocation cannot be kept, which is in force all the same, and its message may come again', async () => {
  await using home = await folder()
  const list = await home.open()
  // Nothing can be written any more.
  await list[Symbol.asyncDispose]()
  const once = { id: 'logout l-1', until: now + 60 }
  await assert.rejects(list.add([session('s-1')], once), { code: 'revocation-unavailable' })
  assert.equal(list.cover(callerWith()), true)
  await assert.rejects(list.add([session('s-1')], once), { code: 'revocation-unavailable' }, 'not "used"')
})

test('underWay.begin() refuses who is revoked already, and cuts who is revoked later', async () => {
  await using home = await folder()
  await using list = await home.open()
  const { underWay } = list
  const cut: (readonly [string, PopError])[] = []
  const bob = underWay.begin(callerWith(), true)
  bob.onCut((refusal) => cut.push(['replaced', refusal]))
  bob.onCut((refusal) => cut.push(['bob', refusal]))
  const eve = underWay.begin(callerWith({ jti: 'j-2', sid: 's-2' }), false)
  eve.onCut((refusal) => cut.push(['eve', refusal]))
  const gone = underWay.begin(callerWith(), false)
  gone.onCut((refusal) => cut.push(['gone', refusal]))
  gone.end()
  const late = underWay.begin(callerWith(), false)
  const adding = list.add([session('s-1')])
  assert.deepEqual(
    cut.map(([name, { code, members }]) => [name, code, members]),
    [['bob', 'token-revoked', { outcome: 'unknown' }]],
  )
  late.onCut((refusal) => cut.push(['late', refusal]))
  assert.equal(cut.at(-1)?.[0], 'late', 'who says it after the cut is told at once')
  await adding
  assert.throws(() => underWay.begin(callerWith(), false), { code: 'token-revoked' })
  list.apply(section({ kind: 'sub', value: 'user:bob', until: now + 9, issued_until: now }), at(1))
  assert.equal(cut.at(-1)?.[0], 'eve')
  assert.equal(cut.length, 3, 'nobody is cut twice')
})

test('underWay.meet() tells of requests under way and of tokens of the last hour', async () => {
  await using home = await folder()
  let clockMs = nowMs()
  await using list = await home.open(() => clockMs)
  const { underWay } = list
  const flow = underWay.begin(callerWith(), false)
  underWay.begin(callerWith({ jti: 'j-2' }), false).end()
  underWay.begin(callerWith({ jti: 'j-3', name: 'eve', subject: 'user:eve' }), false).end()
  const isBob = ({ subject }: { readonly subject: string }): boolean => subject === 'user:bob'
  assert.deepEqual(underWay.meet(isBob), { under_way: 1, tokens: 2, names: ['bob'] })
  flow.end()
  clockMs += 3_601_000
  assert.deepEqual(underWay.meet(isBob), { under_way: 0, tokens: 0, names: [] })
})
