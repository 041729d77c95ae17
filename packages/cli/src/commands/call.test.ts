import assert from 'node:assert/strict'
import { readdir, readFile, writeFile } from 'node:fs/promises'
import type { ServerResponse } from 'node:http'
import { join } from 'node:path'
import { test } from 'node:test'
import { answerJson, standInGateway, type Seen } from './stand-in-gateway.ts'
import { aroundPop } from './try-pop.ts'

const json = '{"b":12345678901234567890,"a":"\u009b2J"}'

function answer({ url }: Seen, response: ServerResponse): void {
  if (url.startsWith('/json'))
    response.writeHead(200, { 'content-type': 'application/json', 'x-a': ['1', '2'] }).end(json)
  else if (url.startsWith('/text')) response.writeHead(200, { 'content-type': 'text/plain' }).end('a\n\u001b[2Jb')
  else if (url.startsWith('/bytes')) response.writeHead(200).end(Buffer.from([0, 255, 7]))
  else if (url.startsWith('/torn'))
    response.writeHead(200, { 'content-length': 10 }).write('abc', () => response.destroy())
  else if (url.startsWith('/plain-error')) response.writeHead(502, { 'content-type': 'text/html' }).end('<b>\u0007no')
  else {
    const problem = {
      title: 'You may not',
      code: 'permission-denied',
      detail: 'It needs \u001b]0;x',
      request_id: 'r-1',
      decision: 'd-1',
    }
    answerJson(response, 403, problem, 'application/problem+json')
  }
}

async function world() {
  const stack = new AsyncDisposableStack()
  const around = stack.use(await aroundPop())
  const gateway = stack.use(await standInGateway(around.folder, answer))
  const call = (words: readonly string[], options: Parameters<typeof around.pop>[1] = {}) =>
    around.pop(['call', ...words, '--anonymous', ...gateway.options], options)
  return { around, gateway, call, [Symbol.asyncDispose]: () => stack.disposeAsync() }
}

test('pop call sends a path exactly as it is given', async () => {
  await using pop = await world()
  const paths = ['/a/../b', '//x', '/%2e%2E/a%2fb;c', '/a?b=c#d', '/a\\b', '/?']
  for (const path of paths) await pop.call(['GET', path])
  assert.deepEqual(
    pop.gateway.seen.map(({ url }) => url),
    paths,
  )
})

test('pop call refuses words that cannot be sent', async () => {
  await using pop = await world()
  const cases: readonly (readonly [readonly string[], RegExp])[] = [
    [['GET', 'a'], /begins with "\/"/],
    [['GET', '/a b'], /no spaces/],
    [['GET', '/a\nb'], /no control characters/],
    [['CONNECT', '/'], /such as GET or POST/],
    [['G ET', '/'], /such as GET or POST/],
    [['GET', '/', '--header', 'x'], /NAME:VALUE/],
    [['GET', '/', '--header', 'x y: z'], /NAME:VALUE/],
    [['GET', '/', '--header', 'x: a\nb'], /printable ASCII/],
    [['GET', '/', '--header', 'Content-Length: 7'], /set by pop itself/],
    [['PUT', '/', '--data', 'x', '--file', 'y'], /not both/],
    [['PUT', '/', '--data', '@/none'], /\/none is not there: give an existing file/],
    [['PUT', '/', '--file', '/none'], /\/none is not there: give an existing file/],
    [['PUT', '/', '--file', '/'], /is a folder/],
  ]
  for (const [words, message] of cases) {
    const { code, stderr } = await pop.call(words)
    assert.equal(code, 2, stderr)
    assert.match(stderr, message)
  }
  assert.equal(pop.gateway.seen.length, 0)
})

test('pop call sends data from its words, a file or standard input', async () => {
  await using pop = await world()
  const file = join(pop.around.folder, 'data')
  await writeFile(file, 'from a file')
  const empty = join(pop.around.folder, 'empty')
  await writeFile(empty, '')
  await pop.call(['post', '/json', '--data', '{"ä":1}'])
  await pop.call(['POST', '/json', '--data', `@${file}`])
  await pop.call(['POST', '/json', '--data', '-'], { stdin: 'from stdin' })
  await pop.call(['PUT', '/json', '--file', file])
  await pop.call(['PUT', '/json', '--file', empty])
  await pop.call(['PUT', '/json', '--file', '-', '--header', 'Content-Type: image/png'], { stdin: 'piped' })
  assert.deepEqual(
    pop.gateway.seen.map(({ method, headers, body }) => [
      method,
      headers['content-type'],
      headers['content-length'],
      body,
    ]),
    [
      ['POST', 'application/json', '8', '{"ä":1}'],
      ['POST', 'application/json', '11', 'from a file'],
      ['POST', 'application/json', '10', 'from stdin'],
      ['PUT', 'application/octet-stream', '11', 'from a file'],
      ['PUT', 'application/octet-stream', '0', ''],
      ['PUT', 'image/png', undefined, 'piped'],
    ],
  )
})

test('pop call sends no body to a gateway that refuses its head', async () => {
  await using pop = await world()
  const file = join(pop.around.folder, 'large')
  await writeFile(file, Buffer.alloc(4 * 1024 * 1024))
  const { code, stderr } = await pop.call(['PUT', '/unwanted', '--file', file])
  assert.equal(code, 1)
  assert.match(stderr, /^pop: 403 permission-denied/)
  assert.equal(pop.gateway.seen[0]?.headers['expect'], '100-continue')
})

test('pop call sends each --header, and no token beside a credential that is given', async () => {
  await using pop = await world()
  const headers = ['--header', 'X-A: 1', '--header', 'x-a:2', '--header', 'Authorization: Bearer mine']
  const { code } = await pop.around.pop(['call', 'GET', '/json', ...headers, ...pop.gateway.options])
  assert.equal(code, 0)
  assert.equal(pop.gateway.seen[0]?.headers['x-a'], '1, 2')
  assert.equal(pop.gateway.seen[0]?.headers['authorization'], 'Bearer mine')
})

test('pop call gives bodies as they came, and harmless ones to a terminal', async () => {
  await using pop = await world()
  assert.equal((await pop.call(['GET', '/json'])).stdout, json)
  assert.equal((await pop.call(['GET', '/text'])).stdout, 'a\n\u001b[2Jb')
  const columns = 80
  assert.equal(
    (await pop.call(['GET', '/json'], { columns })).stdout,
    '{\n  "b": 12345678901234567890,\n  "a": "\\u009b2J"\n}\n',
  )
  assert.equal((await pop.call(['GET', '/text'], { columns })).stdout, 'a\n\\u001b[2Jb')
  const bytes = await pop.call(['GET', '/bytes'], { columns })
  assert.equal(bytes.code, 2)
  assert.match(bytes.stderr, /3 bytes that are no text: take them with --out FILE/)
})

test('pop call explains a refusal on standard error', async () => {
  await using pop = await world()
  const { code, stdout, stderr } = await pop.call(['GET', '/denied'])
  assert.equal(code, 1)
  assert.equal(stdout, '')
  assert.equal(
    stderr,
    `pop: 403 permission-denied: You may not
     It needs \\u001b]0;x
     Next: Give the decision id to an operator: \`pop explain ID\` tells why.
     Request: r-1
     Decision: d-1
`,
  )
})

test('pop call shows the body of an error that is no problem document', async () => {
  await using pop = await world()
  const { code, stdout, stderr } = await pop.call(['GET', '/plain-error'], { columns: 80 })
  assert.equal(code, 1)
  assert.equal(stdout, '<b>\\u0007no\n')
  assert.match(stderr, /^pop: 502 Bad Gateway, without a problem document/)
})

test('pop call --include writes status and fields first', async () => {
  await using pop = await world()
  const { stdout } = await pop.call(['GET', '/json', '--include'])
  assert.match(stdout, /^HTTP\/1\.1 200 OK\ncontent-type: application\/json\nx-a: 1\nx-a: 2\n/)
  assert.ok(stdout.endsWith(`\n\n${json}`))
})

test('pop call --json gives status, headers and body in one document', async () => {
  await using pop = await world()
  const good = await pop.call(['GET', '/json', '--json'])
  assert.match(good.stdout, /"body":\{"b":12345678901234567890,"a":"\\u009b2J"\}\}\n$/)
  assert.equal(JSON.parse(good.stdout).status, 200)
  assert.equal(JSON.parse((await pop.call(['GET', '/bytes', '--json'])).stdout).body_base64, 'AP8H')
  const refused = await pop.call(['GET', '/denied', '--json'])
  assert.equal(refused.code, 1)
  assert.equal(JSON.parse(refused.stdout).body.code, 'permission-denied')
  assert.equal(JSON.parse(refused.stderr).problem.decision, 'd-1')
})

test('pop call --out writes a whole file or none', async () => {
  await using pop = await world()
  const file = join(pop.around.folder, 'answer')
  const good = await pop.call(['GET', '/bytes', '--out', file])
  assert.deepEqual([good.code, good.stdout], [0, ''])
  assert.deepEqual(await readFile(file), Buffer.from([0, 255, 7]))
  const torn = await pop.call(['GET', '/torn', '--out', file])
  assert.equal(torn.code, 3)
  assert.match(torn.stderr, /ended early/)
  assert.equal((await pop.call(['GET', '/denied', '--out', file])).code, 1)
  assert.deepEqual(await readFile(file), Buffer.from([0, 255, 7]))
  assert.deepEqual(
    (await readdir(pop.around.folder)).filter((name) => name.includes('answer')),
    ['answer'],
  )
  assert.equal((await pop.call(['GET', '/bytes', '--out', '/none/x'])).code, 2)
})

test('pop call says that nobody is signed in', async () => {
  await using pop = await world()
  const { code, stderr } = await pop.around.pop(['call', 'GET', '/json', ...pop.gateway.options])
  assert.equal(code, 2)
  assert.match(stderr, /nobody is signed in at https:\/\/localhost:\d+: run `pop login` first/)
})
