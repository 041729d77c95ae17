import assert from 'node:assert/strict'
import { createPrivateKey, createPublicKey, createSecretKey, type KeyObject } from 'node:crypto'
import { readFile } from 'node:fs/promises'
import { test } from 'node:test'
import { matchesContentDigest } from '../digest/content-digest.ts'
import { signBase, verifyBase, type SignatureAlgorithm } from './algorithm.ts'
import { signatureBase } from './base.ts'
import { parseSignatureFields, type ParsedSignature } from './fields.ts'
import { combineFields, type SignedMessage } from './message.ts'

interface PublishedCase {
  readonly name: string
  readonly message: string
  readonly signature_base: string
  readonly signature_input: string
  readonly signature: string
  readonly key: string
  readonly valid: boolean
}

interface PublishedJwk {
  readonly kty: string
  readonly k_base64?: string
}

async function readVectors(name: string): Promise<unknown> {
  return JSON.parse(await readFile(new URL(`../../../../vectors/${name}`, import.meta.url), 'utf8'))
}

// The two files have these shapes; the tests fail if one changes.
const rfc9421 = (await readVectors('rfc9421.json')) as {
  readonly keys: Readonly<Record<string, PublishedJwk>>
  readonly cases: readonly PublishedCase[]
}
const wimse = (await readVectors('wimse-http-signature.json')) as {
  readonly caller_jwk: PublishedJwk
  readonly callee_jwk: PublishedJwk
  readonly request: string
  readonly response: string
}

const algorithms: Readonly<Record<string, SignatureAlgorithm>> = {
  'test-key-rsa-pss': 'rsa-pss-sha512',
  'test-key-ecc-p256': 'ecdsa-p256-sha256',
  'test-key-ed25519': 'ed25519',
  'test-shared-secret': 'hmac-sha256',
}

/** Reads a message as the vectors write it: start line, fields, empty line, body, with LF line ends. */
function readMessage(text: string, request?: SignedMessage): { message: SignedMessage; body: Buffer } {
  const end = text.indexOf('\n\n')
  const [start = '', ...lines] = text.slice(0, end < 0 ? text.length : end).split('\n')
  const rawFields = lines.flatMap((line) => [line.slice(0, line.indexOf(':')), line.slice(line.indexOf(':') + 1)])
  const fields = combineFields(rawFields)
  const body = Buffer.from(end < 0 ? '' : text.slice(end + 2))
  const [first = '', second = ''] = start.split(' ')
  if (first.startsWith('HTTP/')) {
    return { message: { status: Number(second), fields, rawFields, ...(request ? { request } : {}) }, body }
  }
  const authority = fields.get('host') ?? ''
  return { message: { method: first, target: second, scheme: 'https', authority, fields, rawFields }, body }
}

function keyOf(jwk: PublishedJwk): { signing: KeyObject; verifying: KeyObject } {
  if (jwk.k_base64 !== undefined) {
    const secret = createSecretKey(Buffer.from(jwk.k_base64, 'base64'))
    return { signing: secret, verifying: secret }
  }
  const signing = createPrivateKey({ key: jwk, format: 'jwk' })
  return { signing, verifying: createPublicKey(signing) }
}

function onlySignature(signatureInput: string, signature: string): ParsedSignature {
  const parsed = parseSignatureFields(signatureInput, signature)
  assert(parsed.ok)
  const [only] = parsed.value.values()
  assert(only)
  return only
}

test('rfc9421.json: base and verification of every case are as published', () => {
  assert(rfc9421.cases.length >= 4)
  for (const vector of rfc9421.cases) {
    const parsed = onlySignature(vector.signature_input, vector.signature)
    const { message, body } = readMessage(vector.message)
    const base = signatureBase(parsed.components, parsed.text, message)
    assert.equal(base, vector.signature_base, vector.name)
    const algorithm = algorithms[vector.key]
    const jwk = rfc9421.keys[vector.key]
    assert(algorithm && jwk && base !== undefined)
    const { signing, verifying } = keyOf(jwk)
    assert.equal(verifyBase(algorithm, verifying, base, parsed.signature), vector.valid, vector.name)
    assert.equal(verifyBase(algorithm, verifying, base, signBase(algorithm, signing, base)), true, vector.name)
    const digest = message.fields.get('content-digest')
    if (digest !== undefined) assert.equal(matchesContentDigest(digest, body), true, vector.name)
  }
})

test('rfc9421.json: a changed message, parameter, signature or algorithm does not verify', () => {
  for (const vector of rfc9421.cases) {
    const jwk = rfc9421.keys[vector.key]
    const algorithm = algorithms[vector.key]
    assert(jwk && algorithm)
    const { verifying } = keyOf(jwk)
    const verifies = (message: string, input: string, signature: string, by = algorithm) => {
      const parsed = onlySignature(input, signature)
      const base = signatureBase(parsed.components, parsed.text, readMessage(message).message)
      return base !== undefined && verifyBase(by, verifying, base, parsed.signature)
    }
    const { message, signature_input: input, signature } = vector
    assert.equal(verifies(message, input, signature), true)
    assert.equal(
      verifies(message.replace('application/json', 'application/jsom'), input, signature),
      vector.name.includes('b22'),
    )
    assert.equal(verifies(message, input.replace('created=1618884473', 'created=1618884474'), signature), false)
    const start = signature.indexOf(':') + 1
    const flipped = signature[start] === 'A' ? 'B' : 'A'
    assert.equal(verifies(message, input, signature.slice(0, start) + flipped + signature.slice(start + 1)), false)
    for (const other of Object.values(algorithms)) {
      if (other !== algorithm)
        assert.equal(verifies(message, input, signature, other), false, `${vector.name} ${other}`)
    }
  }
})

test('wimse-http-signature.json: request and response verify by the mechanics of RFC 9421', () => {
  const { message: request } = readMessage(wimse.request)
  const { message: response } = readMessage(wimse.response, request)
  for (const [message, jwk] of [
    [request, wimse.caller_jwk],
    [response, wimse.callee_jwk],
  ] as const) {
    const parsed = onlySignature(message.fields.get('signature-input') ?? '', message.fields.get('signature') ?? '')
    const base = signatureBase(parsed.components, parsed.text, message)
    assert(base !== undefined)
    assert.equal(verifyBase('ed25519', keyOf(jwk).verifying, base, parsed.signature), true)
    assert.equal(verifyBase('ed25519', keyOf(jwk).verifying, `${base} `, parsed.signature), false)
  }
})

test('wimse-http-signature.json: the response does not verify as the answer to another request', () => {
  const other = readMessage(wimse.request.replace('vanilla', 'lemon')).message
  const { message } = readMessage(wimse.response, other)
  const parsed = onlySignature(message.fields.get('signature-input') ?? '', message.fields.get('signature') ?? '')
  const base = signatureBase(parsed.components, parsed.text, message)
  assert(base !== undefined)
  assert.equal(verifyBase('ed25519', keyOf(wimse.callee_jwk).verifying, base, parsed.signature), false)
})
