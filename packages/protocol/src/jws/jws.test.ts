import assert from 'node:assert/strict'
import { createPublicKey, createSecretKey, generateKeyPairSync, type KeyObject } from 'node:crypto'
import { test } from 'node:test'
import fc from 'fast-check'
import { compactVerify, CompactSign } from 'jose'
import { signText, type JwsAlgorithm } from './algorithm.ts'
import { readJwsHeader, signJws, verifyJws } from './jws.ts'
import { importKeyRecord, type KeyRecord } from './key-record.ts'

const rsa = generateKeyPairSync('rsa', { modulusLength: 2048 }).privateKey
const keys: Readonly<Record<JwsAlgorithm, KeyObject>> = {
  RS256: rsa,
  RS384: rsa,
  RS512: rsa,
  PS256: rsa,
  ES256: generateKeyPairSync('ec', { namedCurve: 'P-256' }).privateKey,
  ES384: generateKeyPairSync('ec', { namedCurve: 'P-384' }).privateKey,
  EdDSA: generateKeyPairSync('ed25519').privateKey,
}
const algorithms = Object.keys(keys) as JwsAlgorithm[] // the keys of a Record over JwsAlgorithm
const rules = { types: ['JWT'] }

function recordOf(alg: JwsAlgorithm): KeyRecord {
  const record = importKeyRecord({ ...createPublicKey(keys[alg]).export({ format: 'jwk' }), kid: alg, alg, use: 'sig' })
  assert(record)
  return record
}

const records = new Map(algorithms.map((alg) => [alg as string, recordOf(alg)]))
const lookUp = (kid: string) => records.get(kid)

function encode(value: unknown): string {
  return Buffer.from(typeof value === 'string' ? value : JSON.stringify(value)).toString('base64url')
}

/** A token over exactly these texts, signed rightly: what an issuer with bad habits would send. */
function signRaw(alg: JwsAlgorithm, header: string, claims: string): string {
  const text = `${encode(header)}.${encode(claims)}`
  return `${text}.${signText(alg, keys[alg], text).toString('base64url')}`
}

test('verifyJws() accepts what jose signs, and jose what signJws() signs, in every algorithm', async () => {
  for (const alg of algorithms) {
    const theirs = await new CompactSign(Buffer.from('{"sub":"bob"}'))
      .setProtectedHeader({ alg, kid: alg, typ: 'JWT' })
      .sign(keys[alg])
    const verdict = verifyJws(theirs, lookUp, rules)
    assert.deepEqual(verdict.ok && verdict.value.claims, { sub: 'bob' }, alg)
    const ours = signJws({ alg, kid: alg, typ: 'JWT' }, { sub: 'bob' }, keys[alg])
    const read = await compactVerify(ours, createPublicKey(keys[alg]), { algorithms: [alg] })
    assert.equal(Buffer.from(read.payload).toString(), '{"sub":"bob"}')
    assert.equal(verifyJws(ours, lookUp, rules).ok, true)
  }
})

test('verifyJws() says when the key is not known, and readJwsHeader() which one it would be', () => {
  const token = signJws({ alg: 'ES256', kid: 'new', typ: 'JWT' }, {}, keys.ES256)
  const verdict = verifyJws(token, lookUp, rules)
  assert.equal(!verdict.ok && verdict.reason, 'unknown-key')
  const header = readJwsHeader(token, rules)
  assert.equal(header.ok && header.value.kid, 'new')
})

test('verifyJws() refuses another algorithm than the key record has', async () => {
  for (const alg of ['RS384', 'PS256', 'none', 'HS256', 'es256', 'ES384']) {
    const token = signRaw('RS256', JSON.stringify({ alg, kid: 'RS256', typ: 'JWT' }), '{}')
    const verdict = verifyJws(token, lookUp, rules)
    assert.equal(!verdict.ok && verdict.code, 'token-invalid', alg)
  }
  const [head, claims] = [encode({ alg: 'none', kid: 'RS256', typ: 'JWT' }), encode({})]
  assert.equal(verifyJws(`${head}.${claims}.`, lookUp, rules).ok, false)
})

test('verifyJws() refuses a public key used as an HMAC secret', async () => {
  const pem = createPublicKey(rsa).export({ type: 'spki', format: 'pem' })
  const token = await new CompactSign(Buffer.from('{}'))
    .setProtectedHeader({ alg: 'HS256', kid: 'RS256', typ: 'JWT' })
    .sign(createSecretKey(Buffer.from(pem)))
  assert.equal(verifyJws(token, lookUp, rules).ok, false)
})

test('verifyJws() refuses headers that bring keys or rules of their own', async () => {
  for (const extra of [
    { jku: 'https://x' },
    { x5u: 'x' },
    { jwk: {} },
    { x5c: [] },
    { crit: ['exp'] },
    { b64: false },
  ]) {
    const token = signRaw('ES256', JSON.stringify({ alg: 'ES256', kid: 'ES256', typ: 'JWT', ...extra }), '{}')
    assert.equal(verifyJws(token, lookUp, rules).ok, false, JSON.stringify(extra))
  }
})

test('verifyJws() refuses a wrong, missing or prefixed typ and a missing kid', async () => {
  const cases: readonly [object, boolean][] = [
    [{ alg: 'ES256', kid: 'ES256', typ: 'jwt' }, true],
    [{ alg: 'ES256', kid: 'ES256', typ: 'application/jwt' }, false],
    [{ alg: 'ES256', kid: 'ES256', typ: 'at+jwt' }, false],
    [{ alg: 'ES256', kid: 'ES256', typ: ['JWT'] }, false],
    [{ alg: 'ES256', kid: 'ES256' }, false],
    [{ alg: 'ES256', typ: 'JWT' }, false],
    [{ alg: 'ES256', kid: '../ES256', typ: 'JWT' }, false],
    [{ alg: 'ES256', kid: { toString: 'ES256' }, typ: 'JWT' }, false],
  ]
  for (const [header, ok] of cases) {
    const token = signRaw('ES256', JSON.stringify(header), '{}')
    assert.equal(verifyJws(token, lookUp, rules).ok, ok, JSON.stringify(header))
  }
})

test('verifyJws() refuses duplicate members, claims that are no object, and bytes that are not UTF-8', async () => {
  const header = '{"alg":"ES256","kid":"ES256","typ":"JWT"}'
  assert.equal(verifyJws(signRaw('ES256', header, '{"exp":1}'), lookUp, rules).ok, true)
  for (const claims of ['{"exp":1,"exp":2}', '[]', 'null', '"x"', '1', '', '\ufeff{}', '{"a":{"__proto__":1}}']) {
    assert.equal(verifyJws(signRaw('ES256', header, claims), lookUp, rules).ok, false, claims)
  }
  const twice = '{"alg":"none","kid":"ES256","typ":"JWT","alg":"ES256"}'
  assert.equal(verifyJws(signRaw('ES256', twice, '{}'), lookUp, rules).ok, false)
  const latin1 = `${encode(header)}.${Buffer.from('{"a":"\xff"}', 'latin1').toString('base64url')}`
  const token = `${latin1}.${signText('ES256', keys.ES256, latin1).toString('base64url')}`
  assert.equal(verifyJws(token, lookUp, rules).ok, false)
})

test('verifyJws() refuses another number of parts and more characters than its limit', () => {
  const token = signJws({ alg: 'ES256', kid: 'ES256', typ: 'JWT' }, {}, keys.ES256)
  const [head, claims, signature] = token.split('.')
  for (const text of [
    '',
    '.',
    '..',
    `${head}.${claims}`,
    `${token}.`,
    `${token}.${signature}`,
    `.${claims}.${signature}`,
  ]) {
    assert.equal(verifyJws(text, lookUp, rules).ok, false, text)
  }
  assert.equal(verifyJws(token, lookUp, { types: ['JWT'], charactersMax: token.length }).ok, true)
  assert.equal(verifyJws(token, lookUp, { types: ['JWT'], charactersMax: token.length - 1 }).ok, false)
})

test('verifyJws() accepts a spelling of a token only if jose does and it is the canonical one', async () => {
  const token = signJws({ alg: 'ES256', kid: 'ES256', typ: 'JWT' }, { sub: 'bob', exp: 1 }, keys.ES256)
  const key = createPublicKey(keys.ES256)
  const insert = fc.constantFrom('', ' ', '=', '==', '\n', 'A', '.', '-')
  await fc.assert(
    fc.asyncProperty(fc.nat(token.length), fc.nat(2), insert, async (at, cut, piece) => {
      const text = token.slice(0, at) + piece + token.slice(at + cut)
      const theirs = await compactVerify(text, key, { algorithms: ['ES256'] }).then(
        () => true,
        () => false,
      )
      const ours = verifyJws(text, lookUp, rules).ok
      assert.equal(ours, text === token)
      if (ours) assert.equal(theirs, true)
    }),
    { numRuns: 500 },
  )
})

test('verifyJws() refuses the trailing-bits spelling of a signature that jose accepts', async () => {
  const token = signJws({ alg: 'ES256', kid: 'ES256', typ: 'JWT' }, {}, keys.ES256)
  const alphabet = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_'
  const respelled = token.slice(0, -1) + alphabet.charAt(alphabet.indexOf(token.slice(-1)) + 1)
  await compactVerify(respelled, createPublicKey(keys.ES256))
  assert.equal(verifyJws(respelled, lookUp, rules).ok, false)
})

test('importKeyRecord() refuses secrets, short RSA, other uses and algorithms that do not fit', () => {
  const rsaJwk = createPublicKey(rsa).export({ format: 'jwk' })
  const ecJwk = createPublicKey(keys.ES256).export({ format: 'jwk' })
  const short = generateKeyPairSync('rsa', { modulusLength: 1024 }).publicKey.export({ format: 'jwk' })
  const k1 = generateKeyPairSync('ec', { namedCurve: 'secp256k1' }).publicKey.export({ format: 'jwk' })
  assert.equal(importKeyRecord({ ...rsaJwk, kid: 'a' })?.alg, 'RS256')
  assert.equal(importKeyRecord({ ...ecJwk, kid: 'a', use: 'sig', key_ops: ['verify'] })?.alg, 'ES256')
  for (const jwk of [
    undefined,
    [],
    rsaJwk,
    { ...rsaJwk, kid: '' },
    { ...rsaJwk, kid: 'a', use: 'enc' },
    { ...rsaJwk, kid: 'a', key_ops: ['encrypt'] },
    { ...rsaJwk, kid: 'a', alg: 'ES256' },
    { ...rsaJwk, kid: 'a', alg: 'HS256' },
    { ...rsaJwk, kid: 'a', alg: 'RSA-OAEP' },
    { ...ecJwk, kid: 'a', alg: 'ES384' },
    { ...ecJwk, kid: 'a', x: 'AAAA' },
    { ...short, kid: 'a' },
    { ...k1, kid: 'a' },
    { kty: 'oct', k: 'c2VjcmV0', kid: 'a', alg: 'HS256' },
    { kty: 'oct', k: 'c2VjcmV0', kid: 'a', alg: 'RS256' },
  ]) {
    assert.equal(importKeyRecord(jwk), undefined, JSON.stringify(jwk))
  }
})

test('importKeyRecord() keeps the public half of a private key', () => {
  const record = importKeyRecord({ ...keys.ES256.export({ format: 'jwk' }), kid: 'a' })
  assert.equal(record?.key.type, 'public')
})
