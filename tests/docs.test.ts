import assert from 'node:assert/strict'
import { existsSync, globSync, readFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { test } from 'node:test'
import { auditActions, controlActions, resourceActions } from '@pop-api/audit'
import { commandHelps } from '@pop-api/cli'
import { problemCatalogue } from '@pop-api/protocol'
import { countExamples, fillExamples } from '../docs/examples.ts'
import { referencePages } from '../docs/generate.ts'
import { readOpenApi } from '../docs/openapi.ts'
import { root, sources } from './tree.ts'

const read = (path: string): string => readFileSync(root + path, 'utf8')
const specs = globSync('docs/specs/*.md', { cwd: root }).sort()
const guides = globSync('docs/guides/*.md', { cwd: root }).sort()
const top = ['README.md', 'ARCHITECTURE.md', 'CONTRIBUTING.md', 'SECURITY.md', 'STYLE.md', 'vectors/README.md']
const pages = [...top, ...guides, ...specs]
const linked = [...pages, ...globSync('docs/{decisions,reference}/*.md', { cwd: root }).sort()]

for (const [name, text] of referencePages()) {
  test(`docs/reference/${name} says what the catalogue says`, () => {
    assert.equal(read(`docs/reference/${name}`), text, 'run: npm run docs')
  })
}

test('docs/reference/openapi.json is what a fresh system answers', async () => {
  assert.equal(read('docs/reference/openapi.json'), await readOpenApi(), 'run: npm run docs')
})

test('every specification has an example out of the vectors, as it stands there', () => {
  assert.ok(specs.length >= 12, String(specs.length))
  for (const path of specs) {
    const page = read(path)
    assert.equal(page, fillExamples(page), `${path}: run: npm run docs`)
    assert.ok(path.endsWith('/README.md') || countExamples(page) > 0, path)
  }
})

test('fillExamples() takes texts, values and messages, folds long lines, and refuses a place that is not there', () => {
  const block = (kind: string, place: string) => `\`\`\`${kind} vectors/streams.json#${place}\nold\n\`\`\``
  assert.match(fillExamples(block('text', '/requests/0/name')), /^with its length$/m)
  assert.match(fillExamples(block('json', '/requests/0/pieces')), /^ {2}"the first piece,",$/m)
  const message = fillExamples(block('http', '/requests/0'))
  assert.match(message, /^POST \/v1\/kafka\/topics\/orders\/records HTTP\/1\.1$/m)
  assert.match(message, /^10\nthe first piece,\n/m)
  assert.match(message, /^0\ncontent-digest: /m)
  assert.ok(message.split('\n').every((line) => line.length <= 118))
  assert.match(message, /\\$/m)
  assert.throws(() => fillExamples(block('text', '/requests/0/nothing')), /has nothing at/)
  assert.equal(countExamples('```sh\nls\n```'), 0)
})

test('the vectors say of each of their files what it is', () => {
  const page = read('vectors/README.md')
  const files = globSync('vectors/*.json', { cwd: root }).map((path) => path.slice('vectors/'.length))
  assert.ok(files.length >= 8)
  for (const file of files) assert.ok(page.includes(`\`${file}\``), file)
})

test('a guide quotes an example as it is', () => {
  const examples = globSync('examples/*/*.ts', { cwd: root }).map(read)
  const quotes = guides.flatMap((path) =>
    [...read(path).matchAll(/^```ts\n(.*?)^```$/gms)].map(([, text = '']) => text),
  )
  assert.ok(quotes.length >= 4, String(quotes.length))
  for (const quote of quotes)
    assert.ok(
      examples.some((example) => example.includes(quote)),
      quote,
    )
  assert.ok(quotes.includes(read('examples/notes/notes.ts')))
})

test('every command of pop that a page shows is one, with options that it has', () => {
  const helps = new Map(commandHelps().map(({ name, help }) => [name, help]))
  const lines = pages.flatMap((page) => [...read(page).matchAll(/(?:^|\$\()npx (pop [^\n#|)]*)/gm)])
  assert.ok(lines.length > 30, String(lines.length))
  for (const [, line = ''] of lines) {
    const words = line.trim().split(' ')
    let name = words.shift() ?? ''
    const options = words.filter((word) => word.startsWith('--'))
    for (const word of words.filter((other) => !other.startsWith('--'))) {
      if (!helps.has(`${name} ${word}`)) break
      name += ` ${word}`
    }
    assert.notEqual(name, 'pop', line)
    for (const option of options)
      assert.ok(`${helps.get(name)}${helps.get('pop')}`.includes(`${option} `), `${line}: ${option}`)
  }
})

test('every block that is marked `sh tour` is run by a test', () => {
  const runners = sources().filter(({ path }) => /^tests\/(e2e|live)\/.+\.(test|live)\.ts$/.test(path))
  const calls = /(?:runTour\('|readFileSync\(`\$\{root\})([^'`]+\.md)/g
  const run = [...new Set(runners.flatMap(({ text }) => [...text.matchAll(calls)].map(([, page = '']) => page)))]
  const marked = pages.filter((page) => /^```sh tour$/m.test(read(page)))
  assert.ok(marked.length >= 3, String(marked.length))
  assert.deepEqual(marked.sort(), run.sort())
  // A mark that nobody knows would be a block that nobody runs.
  for (const page of pages)
    for (const [, mark] of read(page).matchAll(/^```sh (.+)$/gm)) assert.equal(mark, 'tour', page)
})

/** The anchors of the headings of a page, as readers of Markdown make them. */
function anchorsOf(page: string): readonly string[] {
  const text = page.replace(/^```.*?^```$/gms, '')
  return [...text.matchAll(/^#+ (.+)$/gm)].map(([, heading = '']) =>
    heading
      .toLowerCase()
      .replace(/[^\p{L}\p{N}\s_-]/gu, '')
      .trim()
      .replaceAll(' ', '-'),
  )
}

test('every link of the pages leads to a file, and to a heading that it has', () => {
  let count = 0
  for (const page of linked) {
    const text = read(page).replace(/^```.*?^```$/gms, '')
    for (const [, link = ''] of text.matchAll(/\]\(([^)]+)\)/g)) {
      if (/^[a-z]+:/.test(link)) continue
      const [path = '', anchor] = link.split('#')
      const target = path === '' ? page : join(dirname(page), path)
      assert.ok(existsSync(root + target), `${page}: ${link}`)
      if (anchor !== undefined) assert.ok(anchorsOf(read(target)).includes(anchor), `${page}: ${link}`)
      count++
    }
  }
  assert.ok(count > 60, String(count))
})

test('every page is found from another', () => {
  const links = linked.flatMap((page) =>
    [...read(page).matchAll(/\]\(([^)#:]+)/g)]
      .map(([, path = '']) => join(dirname(page), path))
      .filter((target) => target !== page),
  )
  for (const page of [...guides, ...specs, 'vectors/README.md', 'docs/reference/openapi.json'])
    assert.ok(links.includes(page), `nothing links to ${page}`)
})

test('every path that the pages name in code is there', () => {
  const paths = pages.flatMap((page) =>
    [...read(page).matchAll(/`((?:packages|modules|tests|vectors|docs|examples|demo|bench)\/[\w./-]+\.\w+)`/g)].map(
      ([, path = '']) => path,
    ),
  )
  assert.ok(paths.length > 15, String(paths.length))
  for (const path of paths) assert.ok(existsSync(root + path), path)
})

test('every code of a problem is explained under its status', () => {
  const sections = read('docs/guides/what-a-refusal-means.md').split(/^## /m).slice(1)
  for (const [code, { status }] of Object.entries(problemCatalogue)) {
    const found = sections.filter((section) => section.includes(`\`${code}\``))
    assert.ok(found.length > 0, `docs/guides/what-a-refusal-means.md does not explain ${code}`)
    // What workloads tell each other is explained where it shows.
    if (/^(seal-|retry-seal)/.test(code)) continue
    const isThere = found.some(
      (section) => section.split('\n')[0]?.includes(String(status)) || section.includes(`\`${code}\` (${status})`),
    )
    assert.ok(isThere, `${code} is ${status}, and does not stand under it`)
  }
})

test('every action that a program writes into its log is in the catalogue, and no other', () => {
  const written = new Set<string>([...Object.values(resourceActions), ...Object.values(controlActions), 'operation'])
  for (const { path, text } of sources()) {
    if (!/^packages\/(gateway|control|module)\/src\//.test(path) || path.endsWith('.test.ts')) continue
    for (const [, action = ''] of text.matchAll(/\baction(?::| =) '([a-z_]+)'/g)) written.add(action)
    for (const [, action = ''] of text.matchAll(/return '(seal_refusal)'/g)) written.add(action)
  }
  assert.deepEqual([...written].sort(), Object.keys(auditActions).sort())
})
