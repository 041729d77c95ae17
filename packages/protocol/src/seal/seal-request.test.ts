import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { PopError } from '../problem/pop-error.ts'
import { signBase } from '../signature/algorithm.ts'
import { signatureBase } from '../signature/base.ts'
import { parseSignatureFields } from '../signature/fields.ts'
import { combineFields } from '../signature/message.ts'
import { compileTrust } from '../token/trust.ts'
import {
  boot,
  fixedKey,
  identityOf,
  ids,
  nowMs,
  requestBody,
  requestExpectations,
  requestToSeal,
  trustSection,
  txnClaims,
  txnToken,
} from './fixed-world.ts'
import { createNonceStore } from './nonce-store.ts'
import type { ReceivedRequest, RequestExpectations, RequestToSeal } from './request-types.ts'
import { es256Seal } from './seal.ts'
import type { FlatFields, SealIdentity } from './terms.ts'

const gateway = identityOf(ids.gateway)
const moment = { nowMs, nonce: 'nonce-0001' }
const body: Uint8Array = requestBody

/** Fields that Node or undici add after sealing. */
const added = ['Host', '127.0.0.1:7101', 'Connection', 'keep-alive', 'Content-Length', '49', 'Date', 'x']

function sealed(change: Partial<RequestToSeal> = {}, identity: SealIdentity = gateway): ReceivedRequest {
  const request = requestToSeal(change)
  const { headers } = es256Seal.sealRequest(request, identity, moment)
  return { method: request.method, target: request.target, rawHeaders: [...added, ...headers] }
}

/** Both phases; `ok` or the code of the refusal. */
function outcome(
  request: ReceivedRequest,
  expected: Partial<RequestExpectations> = {},
  bytes: Uint8Array = body,
  trailers: FlatFields = [],
): string {
  const head = es256Seal.verifyRequestHead(request, requestExpectations(expected))
  if (!head.ok) return head.code
  const whole = es256Seal.verifyRequestBody(head.value, bytes, trailers)
  return whole.ok ? 'ok' : whole.code
}

function withField(request: ReceivedRequest, name: string, value: string | undefined): ReceivedRequest {
  const rawHeaders: string[] = []
  let replaced = false
  for (let index = 0; index < request.rawHeaders.length; index += 2) {
    const present = request.rawHeaders[index] ?? ''
    const kept = present.toLowerCase() === name ? value : request.rawHeaders[index + 1]
    if (present.toLowerCase() === name) replaced = true
    if (kept !== undefined) rawHeaders.push(present, kept)
  }
  if (!replaced && value !== undefined) rawHeaders.push(name, value)
  return { ...request, rawHeaders }
}

/** Signs again, rightly, with another list of components or other parameters: what a peer with a valid key could send. */
function resigned(
  request: ReceivedRequest,
  edit: (input: string) => string,
  key = gateway.privateKey,
): ReceivedRequest {
  const fields = combineFields(request.rawHeaders)
  const input = edit(fields.get('signature-input') ?? '')
  const parsed = parseSignatureFields(input, `${input.slice(0, input.indexOf('='))}=:AAAA:`)
  assert(parsed.ok, input)
  const [signature] = parsed.value.values()
  assert(signature)
  const { method, target } = request
  const base = signatureBase(signature.components, signature.text, {
    method,
    target,
    fields,
    authority: 'a',
    scheme: 'https',
  })
  assert(base !== undefined, input)
  const bytes = signBase('ecdsa-p256-sha256', key, base).toString('base64')
  return withField(withField(request, 'signature-input', input), 'signature', `wimse=:${bytes}:`)
}

test('a sealed request verifies and hands on exactly what crossed', () => {
  const head = es256Seal.verifyRequestHead(sealed(), requestExpectations())
  assert(head.ok)
  assert.deepEqual(head.value.headers, requestToSeal().headers)
  assert.deepEqual(head.value.txn, txnClaims)
  assert.equal(head.value.caller, ids.gateway)
  assert.equal(head.value.requestId, 'req-0001')
  assert.deepEqual(head.value.binding, { method: 'POST', target: txnClaims.tctx.target, nonce: 'nonce-0001' })
  const whole = es256Seal.verifyRequestBody(head.value, body, [])
  assert(whole.ok)
  assert.equal(whole.value.body, body)
})

test('a sealed request without a body verifies, over loopback HTTP also without a TLS peer', () => {
  for (const nothing of [undefined, new Uint8Array()]) {
    assert.equal(outcome(sealed({ body: nothing }), { peer: undefined }, new Uint8Array()), 'ok')
  }
})

test('sealRequest() writes components and parameters in the documented order, and the base of RFC 9421', () => {
  const request = sealed()
  const fields = combineFields(request.rawHeaders)
  assert.equal(
    fields.get('signature-input'),
    'wimse=("@method" "@request-target" "txn-token" "workload-identity-token" "pop-request" "content-digest"' +
      ' "accept" "content-type" "if-match");created=1800000000;expires=1800000030;nonce="nonce-0001"' +
      `;tag="wimse-workload-to-workload";wimse-aud="${ids.kafka}";wimse-sign-response;pop-boot="${boot}"`,
  )
  assert.equal(outcome(resigned(request, (input) => input)), 'ok')
})

test('sealRequest() throws for fields that have a second reading or may not cross', () => {
  for (const headers of [
    ['Accept', '*/*'],
    ['x_y', '1'],
    ['', '1'],
    ['accept', '*/*', 'accept', 'a'],
    ['accept', ' */*'],
    ['accept', 'a\r\nb: c'],
    ['accept', 'caf\u00e9'],
    ['authorization', 'Bearer x'],
    ['cookie', 'a=b'],
    ['x-api-key', 'k'],
    ['host', 'h'],
    ['content-length', '1'],
    ['txn-token', 't'],
    ['content-digest', 'd'],
    ['pop-body', 'trailer'],
    ['pop-length', '1'],
  ]) {
    const refusal = (error: unknown) => error instanceof PopError && error.code === 'ambiguous-header'
    assert.throws(() => sealed({ headers }), refusal, JSON.stringify(headers))
  }
  for (const change of [
    { boot: 'a";wimse-aud="b' },
    { audience: 'a"' },
    { requestId: 'a\n"@method": GET' },
    { boot: '' },
  ]) {
    assert.throws(() => sealed(change), PopError, JSON.stringify(change))
  }
})

test('a request without a seal, with half of one, or with two is refused', () => {
  const request = sealed()
  const half = withField(request, 'signature', undefined)
  assert.equal(outcome(withField(half, 'signature-input', undefined)), 'seal-missing')
  assert.equal(outcome(half), 'seal-malformed')
  assert.equal(outcome(withField(request, 'signature-input', undefined)), 'seal-malformed')
  const fields = combineFields(request.rawHeaders)
  const [input = '', signature = ''] = [fields.get('signature-input'), fields.get('signature')]
  const twice = { ...request, rawHeaders: [...request.rawHeaders, 'Signature', signature] }
  assert.equal(outcome(twice), 'seal-malformed')
  const inputTwice = { ...request, rawHeaders: [...request.rawHeaders, 'Signature-Input', input] }
  assert.equal(outcome(inputTwice), 'seal-malformed')
  const second = withField(request, 'signature-input', `${input}, b=${input.slice('wimse='.length)}`)
  assert.equal(
    outcome(withField(second, 'signature', `${signature}, b=${signature.slice('wimse='.length)}`)),
    'seal-malformed',
  )
  const sameLabel = withField(request, 'signature-input', `${input}, ${input}`)
  assert.equal(outcome(withField(sameLabel, 'signature', `${signature}, ${signature}`)), 'seal-malformed')
})

test('a component left out, or one covered that is not of the profile, is refused though the signature is right', () => {
  const request = sealed()
  for (const component of [
    '@method',
    '@request-target',
    'txn-token',
    'workload-identity-token',
    'pop-request',
    'accept',
  ]) {
    const edit = (input: string) => input.replace(`"${component}"`, '').replace('( ', '(').replace('  ', ' ')
    assert.equal(outcome(resigned(request, edit)), 'seal-uncovered', component)
  }
  const digest = (input: string) => input.replace(' "content-digest"', '')
  assert.equal(outcome(resigned(request, digest)), 'seal-uncovered')
  for (const extra of ['@authority', 'host', 'connection', 'content-length', 'date']) {
    assert.equal(
      outcome(resigned(request, (input) => input.replace('"accept"', `"accept" "${extra}"`))),
      'seal-malformed',
      extra,
    )
  }
  assert.equal(outcome(withField(request, 'accept', undefined)), 'seal-malformed')
})

test('an uncovered field, a repeated one, a credential or a twin name makes the request refused', () => {
  const request = sealed()
  const plus = (name: string, value = 'x') => ({ ...request, rawHeaders: [...request.rawHeaders, name, value] })
  assert.equal(outcome(plus('x-forwarded-user')), 'seal-uncovered')
  assert.equal(outcome(plus('Expect', '100-continue')), 'seal-uncovered')
  assert.equal(outcome(plus('ACCEPT', 'application/json')), 'seal-malformed')
  assert.equal(outcome(plus('Host')), 'seal-malformed')
  assert.equal(outcome(plus('X_Y')), 'seal-malformed')
  assert.equal(outcome(plus('__proto__')), 'seal-malformed')
  for (const name of ['Authorization', 'Cookie', 'X-API-Key']) {
    const carrying = plus(name)
    assert.equal(outcome(carrying), 'seal-malformed', name)
    const covered = (input: string) => input.replace('"accept"', `"accept" "${name.toLowerCase()}"`)
    assert.equal(outcome(resigned(carrying, covered)), 'seal-malformed', name)
  }
})

test('keyid, alg, an unknown parameter and another tag are refused', () => {
  for (const parameter of [';keyid="k"', ';alg="ecdsa-p256-sha256"', ';unheard="x"', ';wimse-req-nonce="abcd1111"']) {
    assert.equal(outcome(resigned(sealed(), (input) => input + parameter)), 'seal-malformed', parameter)
  }
  const edits: readonly [RegExp, string][] = [
    [/tag="[^"]*"/, 'tag="pop-body-end"'],
    [/;wimse-sign-response/, ''],
    [/;nonce="[^"]*"/, ''],
    [/;created=\d+/, ''],
  ]
  for (const [from, to] of edits) {
    assert.equal(outcome(resigned(sealed(), (input) => input.replace(from, to))), 'seal-malformed', String(from))
  }
})

test('a request made ahead of the clock, past its end, or for longer than a minute is refused', () => {
  const request = sealed()
  assert.equal(outcome(request, { nowMs: nowMs - 5_250 }), 'ok')
  assert.equal(outcome(request, { nowMs: nowMs - 5_251 }), 'seal-expired')
  assert.equal(outcome(request, { nowMs: 1_800_000_029_999 }), 'ok')
  assert.equal(outcome(request, { nowMs: 1_800_000_030_000 }), 'seal-expired')
  const until = (second: number) => resigned(request, (input) => input.replace(/expires=\d+/, `expires=${second}`))
  assert.equal(outcome(until(1_800_000_060)), 'ok')
  assert.equal(outcome(until(1_800_000_061)), 'seal-expired')
  assert.equal(outcome(until(1_800_000_000)), 'seal-expired')
})

test('a replay is refused, and a full store refuses instead of forgetting', () => {
  const nonces = createNonceStore(1)
  assert.equal(outcome(sealed(), { nonces }), 'ok')
  assert.equal(outcome(sealed(), { nonces }), 'seal-replayed')
  const other = resigned(sealed(), (input) => input.replace('nonce-0001', 'nonce-0002'))
  assert.equal(outcome(other, { nonces }), 'seal-full')
  assert.equal(outcome(sealed(), { nonces }), 'seal-replayed')
})

test('a refused request spends no nonce', () => {
  const nonces = createNonceStore(4)
  assert.equal(outcome(sealed(), { nonces, operation: 'GET /other' }), 'seal-txn')
  assert.equal(outcome(sealed(), { nonces, boot: 'other' }), 'retry-seal')
  assert.equal(outcome({ ...sealed(), method: 'PUT' }, { nonces }), 'seal-invalid')
  assert.equal(nonces.size(), 0)
})

test('a seal for another instance or an earlier start is refused', () => {
  assert.equal(outcome(sealed(), { audience: 'spiffe://pop.internal/module/kafka_service/2' }), 'seal-audience')
  assert.equal(outcome(resigned(sealed(), (input) => input.replace(/;wimse-aud="[^"]*"/, ''))), 'seal-audience')
  assert.equal(outcome(sealed(), { boot: 'another-start' }), 'retry-seal')
  assert.equal(outcome(resigned(sealed(), (input) => input.replace(/;pop-boot="[^"]*"/, ''))), 'retry-seal')
})

test('certificate, workload token and transaction token must name one workload', () => {
  assert.equal(outcome(sealed(), { peer: ids.s3 }), 'seal-identity')
  const asModule = sealed({}, identityOf(ids.s3))
  assert.equal(outcome(asModule, { peer: ids.s3 }), 'seal-identity')
  assert.equal(outcome(asModule, { peer: ids.gateway }), 'seal-identity')
  const delegated = txnToken({ req_wl: ids.s3, act: { sub: ids.s3 } })
  assert.equal(outcome(sealed({ txnToken: delegated }, identityOf(ids.s3)), { peer: ids.s3 }), 'ok')
  assert.equal(outcome(sealed({ txnToken: delegated })), 'seal-identity')
})

test('a key that is not the one of the workload token does not verify', () => {
  assert.equal(outcome(sealed({}, { wit: gateway.wit, privateKey: fixedKey('stranger') })), 'seal-invalid')
})

test('an expired, unknown or distrusted workload token is refused', () => {
  const ended = identityOf(ids.gateway, { iat: 1_799_990_000, exp: 1_800_000_000 })
  assert.equal(outcome(sealed({}, ended)), 'seal-wit')
  const [issuer] = trustSection.wit_issuers
  assert(issuer)
  const distrusted = compileTrust({ ...trustSection, wit_issuers: [{ ...issuer, state: 'distrusted' }] })
  assert.equal(outcome(sealed(), { trust: distrusted }), 'seal-wit')
  assert.equal(outcome(sealed({}, { ...gateway, wit: txnToken() })), 'seal-wit')
})

test('a transaction token for another module, operation or target is refused', () => {
  const { tctx } = txnClaims
  for (const change of [
    { module: 's3_service' },
    { operation: 'DELETE /topics/{topic}' },
    { target: '/v1/kafka/topics/orders' },
  ]) {
    assert.equal(outcome(sealed({ txnToken: txnToken({ tctx: { ...tctx, ...change } }) })), 'seal-txn')
  }
  assert.equal(outcome(sealed(), { operation: undefined }), 'seal-txn')
  assert.equal(outcome(sealed({ target: '/v1/kafka/topics/orders/records?a=1' })), 'seal-txn')
  assert.equal(outcome(sealed({ txnToken: gateway.wit })), 'seal-txn')
})

test('a swapped, cut, added or undigested body and any trailer are refused', () => {
  const request = sealed()
  assert.equal(outcome(request, {}, Buffer.from('{"records":[]}')), 'seal-body')
  assert.equal(outcome(request, {}, body.subarray(0, -1)), 'seal-body')
  assert.equal(outcome(request, {}, new Uint8Array()), 'seal-body')
  assert.equal(outcome(sealed({ body: undefined }), {}, body), 'seal-body')
  assert.equal(outcome(request, {}, body, ['x', '1']), 'seal-body')
  const sha512 = resigned(withField(request, 'content-digest', 'sha-512=:AAAA:'), (input) => input)
  assert.equal(outcome(sha512), 'seal-body')
})

test('Pop-Body and Pop-Length are refused in a request, covered or not', () => {
  for (const [name, value] of [
    ['pop-body', 'trailer'],
    ['pop-body', 'open'],
    ['pop-length', '49'],
  ] as const) {
    const request = withField(sealed(), name, value)
    const covered = resigned(request, (input) => input.replace('"accept"', `"accept" "${name}"`))
    assert.equal(outcome(covered), 'seal-body', name)
  }
})

test('a refusal names the nonce of the request, if it could be read', () => {
  const refusedNonce = (request: ReceivedRequest) => {
    const head = es256Seal.verifyRequestHead(request, requestExpectations())
    return head.ok ? 'ok' : head.nonce
  }
  assert.equal(refusedNonce({ ...sealed(), method: 'PUT' }), 'nonce-0001')
  assert.equal(refusedNonce(withField(sealed(), 'signature-input', 'wimse')), undefined)
  const head = es256Seal.verifyRequestHead(sealed(), requestExpectations())
  assert(head.ok)
  const whole = es256Seal.verifyRequestBody(head.value, new Uint8Array(), [])
  assert.equal(!whole.ok && whole.nonce, 'nonce-0001')
})

test('a change of any character of a sealed request makes it refused', () => {
  const request = sealed()
  const first = added.length
  const headerCount = request.rawHeaders.length - first
  const expected = requestExpectations()
  fc.assert(
    fc.property(fc.nat(headerCount + 2), fc.nat(5000), fc.integer({ min: 33, max: 126 }), (where, at, code) => {
      const change = (text: string) => {
        const index = at % text.length
        return text.slice(0, index) + String.fromCharCode(code) + text.slice(index + 1)
      }
      const rawHeaders = [...request.rawHeaders]
      const mutated = { ...request, rawHeaders }
      let bytes: Uint8Array = body
      if (where < headerCount) rawHeaders[first + where] = change(rawHeaders[first + where] ?? '')
      else if (where === headerCount) mutated.method = change(request.method)
      else if (where === headerCount + 1) mutated.target = change(request.target)
      else bytes = Buffer.from(change(Buffer.from(body).toString()))
      // The case of a field name means nothing.
      const names = (list: FlatFields) => list.map((text, index) => (index % 2 === 0 ? text.toLowerCase() : text))
      const same =
        mutated.method === request.method &&
        mutated.target === request.target &&
        Buffer.compare(bytes, body) === 0 &&
        names(rawHeaders).join('\n') === names(request.rawHeaders).join('\n')
      assert.equal(outcome(mutated, { ...expected, nonces: createNonceStore(4) }, bytes) === 'ok', same)
    }),
    { numRuns: 600 },
  )
})
