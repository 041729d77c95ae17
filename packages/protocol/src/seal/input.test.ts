import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { parseSignatureFields } from '../signature/fields.ts'
import { readSealInput, readSealSignature } from './input.ts'

const times = 'created=1;expires=2;nonce="abcd1111";tag="t"'

test('readSealInput() reads the components and parameters of the profile', () => {
  const input = readSealInput(
    `wimse=("@method" "@status";req "accept");${times};wimse-aud="spiffe://a/module/b/1";wimse-sign-response;pop-boot="b"`,
  )
  assert.deepEqual(input, {
    components: [
      { name: '@method', text: '"@method"' },
      { name: '@status', text: '"@status";req', req: true },
      { name: 'accept', text: '"accept"' },
    ],
    text: `("@method" "@status";req "accept");${times};wimse-aud="spiffe://a/module/b/1";wimse-sign-response;pop-boot="b"`,
    created: 1,
    expires: 2,
    nonce: 'abcd1111',
    tag: 't',
    audience: 'spiffe://a/module/b/1',
    boot: 'b',
    signResponse: true,
  })
})

test('readSealInput() refuses second labels, second spellings and what the profile forbids', () => {
  assert(readSealInput(`wimse=("a");${times}`))
  for (const raw of [
    '',
    `sig=("a");${times}`,
    `wimse=("a");${times}, wimse=("b");${times}`,
    `wimse=("a");${times}, other=("b");${times}`,
    `wimse=();${times}`,
    `wimse=("a" "a");${times}`,
    `wimse=("a"  "b");${times}`,
    `wimse=( "a");${times}`,
    `wimse=("a" );${times}`,
    `wimse=("A");${times}`,
    `wimse=(a);${times}`,
    `wimse=("a";sf);${times}`,
    `wimse=("a";req;req);${times}`,
    `wimse=("a";tr);${times}`,
    `wimse=("a") ;${times}`,
    `wimse=("a");${times};keyid="k"`,
    `wimse=("a");${times};alg="ecdsa-p256-sha256"`,
    `wimse=("a");${times};created=3`,
    `wimse=("a");${times};nonce="abcd2222"`,
    `wimse=("a");${times};unheard`,
    `wimse=("a");${times};wimse-sign-response=?1`,
    `wimse=("a");${times};wimse-sign-response;wimse-sign-response`,
    `wimse=("a");${times};wimse-aud=x`,
    `wimse=("a");${times};wimse-aud`,
    `wimse=("a");${times};wimse-aud="a\\"b"`,
    `wimse=("a");created=01;expires=2;nonce="abcd1111";tag="t"`,
    `wimse=("a");created=-1;expires=2;nonce="abcd1111";tag="t"`,
    `wimse=("a");created=1.0;expires=2;nonce="abcd1111";tag="t"`,
    `wimse=("a");created="1";expires=2;nonce="abcd1111";tag="t"`,
    `wimse=("a");expires=2;nonce="abcd1111";tag="t"`,
    `wimse=("a");created=1;nonce="abcd1111";tag="t"`,
    `wimse=("a");created=1;expires=2;tag="t"`,
    `wimse=("a");created=1;expires=2;nonce="short";tag="t"`,
    `wimse=("a");created=1;expires=2;nonce="abcd 111";tag="t"`,
    `wimse=("a");created=1;expires=2;nonce="abcd1111"`,
    ` wimse=("a");${times}`,
    `wimse=("a");${times} `,
    `wimse=("a");${times}\n`,
  ]) {
    assert.equal(readSealInput(raw), undefined, raw)
  }
})

test('readSealInput() reads nothing that the parser of structured fields reads otherwise', () => {
  const pieces = [
    'wimse=',
    '(',
    ')',
    '"@method"',
    '"accept"',
    ';req',
    ' ',
    ';created=1',
    ';nonce="abcd1111"',
    ', ',
    '0',
  ]
  const others = [';tag="t"', ';wimse-sign-response', ';wimse-aud="a b"', ';pop-boot=""', '=', '"', ';', '?1', 'b', '@']
  const piece = fc.constantFrom(...pieces, ...others)
  const whole = `wimse=("@method" "accept";req);${times};wimse-sign-response`
  const mutated = fc
    .tuple(fc.nat(whole.length), fc.nat(3), fc.array(piece, { maxLength: 2 }))
    .map(([at, cut, put]) => whole.slice(0, at) + put.join('') + whole.slice(at + cut))
  let readCount = 0
  fc.assert(
    fc.property(mutated, (raw) => {
      const ours = readSealInput(raw)
      if (ours === undefined) return
      readCount++
      const parsed = parseSignatureFields(raw, 'wimse=:AAAA:')
      assert(parsed.ok, raw)
      const theirs = parsed.value.get('wimse')
      assert.equal(parsed.value.size, 1)
      assert.deepEqual(theirs?.components, ours.components)
      assert.equal(theirs?.text, ours.text)
      assert.equal(theirs?.parameters.get('created'), ours.created)
      assert.equal(theirs?.parameters.get('nonce'), ours.nonce)
      assert.equal(theirs?.parameters.get('wimse-aud'), ours.audience)
    }),
    { numRuns: 3000 },
  )
  assert(readCount > 20)
})

test('readSealSignature() reads one label in canonical base64', () => {
  assert.deepEqual(readSealSignature('wimse=:AAAA:'), Buffer.alloc(3))
  for (const raw of [
    '',
    'sig=:AAAA:',
    'wimse=:AAAA:, b=:AAAA:',
    'wimse=:AB==:',
    'wimse=:AA:',
    'wimse=AAAA',
    'wimse=:AAAA:;a',
  ]) {
    assert.equal(readSealSignature(raw), undefined, raw)
  }
})
