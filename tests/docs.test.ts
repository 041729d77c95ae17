import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { test } from 'node:test'
import { referencePages } from '../docs/generate.ts'
import { root } from './tree.ts'

for (const [name, text] of referencePages()) {
  test(`docs/reference/${name} says what the catalogue says`, () => {
    assert.equal(readFileSync(`${root}docs/reference/${name}`, 'utf8'), text, 'run: npm run docs')
  })
}

test('every link of the guides leads to a file', () => {
  const pages = ['README.md', 'ARCHITECTURE.md', 'CONTRIBUTING.md', 'SECURITY.md', 'STYLE.md']
  const links = pages.flatMap((page) =>
    [...readFileSync(root + page, 'utf8').matchAll(/\]\(([^)#:]+)\)/g)].map(([, path = '']) => path),
  )
  assert.ok(links.length > 5, String(links.length))
  for (const link of links) assert.doesNotThrow(() => readFileSync(root + link), link)
})

test('every path that the guides name in code is there', () => {
  const pages = ['README.md', 'ARCHITECTURE.md']
  const paths = pages.flatMap((page) =>
    [...readFileSync(root + page, 'utf8').matchAll(/`((?:packages|modules|tests|vectors|docs)\/[\w./-]+\.\w+)`/g)].map(
      ([, path = '']) => path,
    ),
  )
  assert.ok(paths.length > 5, String(paths.length))
  for (const path of paths) assert.doesNotThrow(() => readFileSync(root + path), path)
})
