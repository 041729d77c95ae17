import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { generateKeyPairSync } from 'node:crypto'
import { test } from 'node:test'
import { makeCsr } from './csr.ts'

/** OpenSSL is the oracle: it parses the request and checks the proof of possession. */
function openssl(csr: string): { readonly status: number | null; readonly text: string } {
  const run = spawnSync('openssl', ['req', '-verify', '-noout', '-text'], { input: csr, encoding: 'utf8' })
  return { status: run.status, text: `${run.stdout}${run.stderr}` }
}

test('makeCsr() proves possession of the key and asks for no name', () => {
  const { privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' })
  const { status, text } = openssl(makeCsr(privateKey))
  assert.equal(status, 0, text)
  assert.match(text, /verify OK/)
  assert.match(text, /prime256v1/)
  assert.doesNotMatch(text, /CN ?=|Subject Alternative Name/)
})

test('makeCsr() of a key does not verify once a byte of it is changed', () => {
  const { privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' })
  const body = makeCsr(privateKey).split('\n').slice(1, -2).join('')
  const der = Buffer.from(body, 'base64')
  const last = der.length - 1
  der[last] = (der[last] ?? 0) ^ 1
  const { text } = openssl(
    `-----BEGIN CERTIFICATE REQUEST-----\n${der.toString('base64')}\n-----END CERTIFICATE REQUEST-----\n`,
  )
  assert.doesNotMatch(text, /verify OK/)
})

test('makeCsr() refuses a key of another kind', () => {
  assert.throws(() => makeCsr(generateKeyPairSync('ec', { namedCurve: 'P-384' }).privateKey), RangeError)
  assert.throws(() => makeCsr(generateKeyPairSync('ed25519').privateKey), RangeError)
})
