import assert from 'node:assert/strict'
import { globSync, readFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { test } from 'node:test'
import { commandHelps } from '@pop-api/cli'
import { referencePages } from '../docs/generate.ts'
import { root } from './tree.ts'

for (const [name, text] of referencePages()) {
  test(`docs/reference/${name} says what the catalogue says`, () => {
    assert.equal(readFileSync(`${root}docs/reference/${name}`, 'utf8'), text, 'run: npm run docs')
  })
}

const guides = globSync('docs/guides/*.md', { cwd: root }).sort()
const pages = ['README.md', 'ARCHITECTURE.md', 'CONTRIBUTING.md', 'SECURITY.md', 'STYLE.md', ...guides]

test('a guide quotes an example as it is', () => {
  const quoted = readFileSync(`${root}docs/guides/write-a-module.md`, 'utf8')
  assert.ok(quoted.includes(`\`\`\`ts\n${readFileSync(`${root}examples/notes/notes.ts`, 'utf8')}\`\`\``))
})

test('every command of pop that a page shows is one, with options that it has', () => {
  const helps = new Map(commandHelps().map(({ name, help }) => [name, help]))
  const lines = pages.flatMap((page) => [...readFileSync(root + page, 'utf8').matchAll(/^npx (pop [^\n#|)]*)/gm)])
  assert.ok(lines.length > 12, String(lines.length))
  for (const [, line = ''] of lines) {
    const words = line.trim().split(' ')
    let name = words.shift() ?? ''
    while (helps.has(`${name} ${words[0]}`)) name += ` ${words.shift()}`
    assert.notEqual(name, 'pop', line)
    for (const option of words.filter((word) => word.startsWith('--')))
      assert.ok(`${helps.get(name)}${helps.get('pop')}`.includes(`${option} `), `${line}: ${option}`)
  }
})

test('every link of the guides leads to a file', () => {
  const links = pages.flatMap((page) =>
    [...readFileSync(root + page, 'utf8').matchAll(/\]\(([^)#:]+)\)/g)].map(([, path = '']) =>
      join(root, dirname(page), path),
    ),
  )
  assert.ok(links.length > 5, String(links.length))
  for (const link of links) assert.doesNotThrow(() => readFileSync(link), link)
})

test('every path that the guides name in code is there', () => {
  const paths = pages.flatMap((page) =>
    [
      ...readFileSync(root + page, 'utf8').matchAll(
        /`((?:packages|modules|tests|vectors|docs|examples)\/[\w./-]+\.\w+)`/g,
      ),
    ].map(([, path = '']) => path),
  )
  assert.ok(paths.length > 5, String(paths.length))
  for (const path of paths) assert.doesNotThrow(() => readFileSync(root + path), path)
})
