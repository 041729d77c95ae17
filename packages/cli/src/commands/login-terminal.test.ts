import assert from 'node:assert/strict'
import { PassThrough } from 'node:stream'
import { test } from 'node:test'
import { run } from '../main.ts'
import { answerJson, standInGateway } from './stand-in-gateway.ts'
import { aroundPop, type Around } from './try-pop.ts'

const granted = { access_token: 'a.b.c', token_type: 'Bearer', expires_in: 60 }

/** A person at a terminal: waits for each question and types its answer; undefined closes the terminal. */
async function atTerminal(
  around: Around,
  words: readonly string[],
  answers: readonly (readonly [question: string, answer: string | undefined])[],
  columns = 80,
) {
  const stdin = Object.assign(new PassThrough(), { isTTY: true, setRawMode: () => undefined })
  const stderr = Object.assign(new PassThrough(), { isTTY: true, columns })
  const waiting = [...answers]
  let shown = ''
  stderr.on('data', (chunk: Buffer) => {
    shown += chunk.toString('utf8')
    const [next] = waiting
    if (next === undefined || !shown.includes(next[0])) return
    waiting.shift()
    // The prompt draws itself before it listens.
    setImmediate(() => (next[1] === undefined ? stdin.end() : stdin.write(next[1])))
  })
  const code = await run(words, { stdin, stdout: new PassThrough().resume(), stderr, environment: around.environment })
  return { code, shown }
}

test('pop login asks a person for what was not given, and does not show the password', async () => {
  await using around = await aroundPop()
  await using gateway = await standInGateway(around.folder, (_seen, response) => answerJson(response, 200, granted))
  const { code, shown } = await atTerminal(
    around,
    ['login', ...gateway.options],
    [
      ['User', 'alice\r'],
      ['Password', 'hunter2-hunter2\r'],
      ['One-time code', '123456\r'],
    ],
  )
  assert.equal(code, 0, shown)
  assert.deepEqual(Object.fromEntries(new URLSearchParams(gateway.seen[0]?.body)), {
    grant_type: 'password',
    username: 'alice',
    password: 'hunter2-hunter2',
    totp: '123456',
  })
  assert.doesNotMatch(shown, /hunter2/)
})

test('pop login asks only for the rest, and takes an empty code for none', async () => {
  await using around = await aroundPop()
  await using gateway = await standInGateway(around.folder, (_seen, response) => answerJson(response, 200, granted))
  const { code } = await atTerminal(
    around,
    ['login', '--user', 'alice', ...gateway.options],
    [
      ['Password', 'x\r'],
      ['One-time code', '\r'],
    ],
  )
  assert.equal(code, 0)
  assert.equal(new URLSearchParams(gateway.seen[0]?.body).has('totp'), false)
})

test('pop login takes LF and CR LF for Enter, on a terminal that does not know its width', async () => {
  await using around = await aroundPop()
  await using gateway = await standInGateway(around.folder, (_seen, response) => answerJson(response, 200, granted))
  const answers = [
    ['User', 'alice\n'],
    ['Password', 'x\r\n'],
    ['One-time code', '123456\n'],
  ] as const
  const { code, shown } = await atTerminal(around, ['login', ...gateway.options], answers, 0)
  assert.equal(code, 0, shown)
  assert.match(shown, /One-time code \(empty where the account has none\)/)
  assert.equal(new URLSearchParams(gateway.seen[0]?.body).get('totp'), '123456')
})

const leavings = [
  ['with Ctrl-C', '\u0003'],
  ['with Ctrl-D', '\u0004'],
  ['with Ctrl-D behind some letters', 'ali\u0004'],
  ['by closing the terminal', undefined],
] as const

for (const [how, typed] of leavings) {
  test(`pop login sends nothing when the person leaves ${how}, and shows the cursor again`, async () => {
    await using around = await aroundPop()
    await using gateway = await standInGateway(around.folder, (_seen, response) => answerJson(response, 200, granted))
    const { code, shown } = await atTerminal(around, ['login', ...gateway.options], [['User', typed]])
    assert.equal(code, 2)
    assert.match(shown, /you left: nothing was sent/)
    assert.ok(shown.lastIndexOf('\u001b[?25h') > shown.lastIndexOf('\u001b[?25l'), JSON.stringify(shown))
    assert.equal(gateway.seen.length, 0)
  })
}
