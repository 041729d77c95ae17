import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { encodePercent } from './bytes.ts'
import { parseTarget } from './canonical-target.ts'

const canonical: readonly (readonly [raw: string, text: string, segments: readonly string[]])[] = [
  ['/', '/', []],
  ['/v1/kafka/topics', '/v1/kafka/topics', ['v1', 'kafka', 'topics']],
  ['/a/b.c', '/a/b.c', ['a', 'b.c']],
  ['/a/...', '/a/...', ['a', '...']],
  ['/a?', '/a', ['a']],
  ['/%61', '/a', ['a']],
  ['/a%20b', '/a%20b', ['a b']],
  ['/caf%c3%a9', '/caf%C3%A9', ['café']],
  ["/it's", '/it%27s', ["it's"]],
  ['/a:b@c', '/a%3Ab%40c', ['a:b@c']],
  ['/a%252e%252e', '/a%252e%252e', ['a%2e%2e']],
  ['/a%3bb', '/a%3Bb', ['a;b']],
]

for (const [raw, text, segments] of canonical) {
  test(`parseTarget() gives ${raw} the one spelling ${text}`, () => {
    const target = parseTarget(raw)
    assert.ok(target.ok)
    assert.equal(target.value.text, text)
    assert.deepEqual(target.value.segments, segments)
  })
}

const ambiguous = [
  '', '*', 'a', 'http://localhost/a', '//a', '/a//b', '/a/', '/.', '/..', '/public/../admin', '/a/./b', '/a/..', '/%2e%2e/admin', '/%2E', '/a%2e',
  '/a%2fb', '/a%2Fb', '/a%5cb', '/a\\b', '/a%00', '/a;x=1', '/a/;/b', '/a#b', '/a b', '/a\u0000', '/a\n', '/a%0a', '/a%7f', '/a%', '/a%4', '/a%zz',
  '/%c0%af', '/%c0%ae', '/%ed%a0%80', '/%ff', '/é', '/a"b', '/a<b', '/a|b', '/a^b', '/a`b', '/a{b}', '/a[b]', '/%e2%80%ae', '/a%e2%80%a8',
  '/a?=1', '/a?b&&c', '/a?&', '/a?b=%00', '/a?b=%0d%0a', '/a?b=%ff', '/a?b[]=1', '/a?b=1#c', '/a?b="', '/a?b=\\',
] // prettier-ignore

for (const raw of ambiguous) {
  test(`parseTarget() refuses ${JSON.stringify(raw)}`, () => {
    const target = parseTarget(raw)
    assert.equal(target.ok, false)
    assert.equal(!target.ok && target.code, 'ambiguous-target')
  })
}

test('parseTarget() refuses a target that is too long, and too many segments', () => {
  const long = [
    `/${'a'.repeat(4096)}`,
    `/a?b=${'%C3%A9'.repeat(700)}`,
    `/a?b=${'!'.repeat(1400)}`,
    `/${'$'.repeat(1400)}`,
  ]
  for (const raw of long) {
    const target = parseTarget(raw)
    assert.equal(!target.ok && target.code, 'target-too-long', raw.slice(0, 20))
  }
  assert.equal(parseTarget(`/${'a'.repeat(4095)}`).ok, true)
  assert.equal(parseTarget('/a'.repeat(65)).ok, false)
  assert.equal(parseTarget('/a'.repeat(64)).ok, true)
})

test('parseTarget() reads the query once: plus is a space, order is kept, repetition is told', () => {
  const target = parseTarget('/a?q=a+b%2Bc&x=1&x=2&y')
  assert.ok(target.ok)
  assert.deepEqual(target.value.query, [
    { name: 'q', value: 'a b+c' },
    { name: 'x', value: '1' },
    { name: 'x', value: '2' },
    { name: 'y', value: '' },
  ])
  assert.equal(target.value.text, '/a?q=a%20b%2Bc&x=1&x=2&y=')
  assert.deepEqual(target.value.repeated, ['x'])
})

test('parseTarget() is idempotent: the canonical spelling reads as itself', () => {
  const segment = fc.string({ unit: 'binary', minLength: 1, maxLength: 12 })
  fc.assert(
    fc.property(
      fc.array(segment, { maxLength: 6 }),
      fc.array(fc.tuple(segment, segment), { maxLength: 4 }),
      (path, query) => {
        const text = `/${path.map(encodePercent).join('/')}`
        const search = query.map(([name, value]) => `${encodePercent(name)}=${encodePercent(value)}`).join('&')
        const once = parseTarget(search === '' ? text : `${text}?${search}`)
        if (!once.ok) return
        const twice = parseTarget(once.value.text)
        assert.ok(twice.ok)
        assert.deepEqual(twice.value, once.value)
        assert.deepEqual(once.value.segments, path)
      },
    ),
  )
})

test('parseTarget() agrees with itself whatever escapes a client chooses for the same path', () => {
  fc.assert(
    fc.property(fc.stringMatching(/^[a-z0-9_~-]{1,12}$/), (name) => {
      const escaped = `%${Buffer.from(name).toString('hex').match(/../g)?.join('%')}`
      assert.deepEqual(parseTarget(`/${escaped}`), parseTarget(`/${name}`))
    }),
  )
})
