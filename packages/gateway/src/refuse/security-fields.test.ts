import assert from 'node:assert/strict'
import type { IncomingMessage, ServerResponse } from 'node:http'
import { test } from 'node:test'
import helmet from 'helmet'
import { finishFields, securityFields } from './security-fields.ts'

/** Fields of helmet that speak of pages alone: an answer of an API that loads, opens or embeds nothing has no use for them. */
const ofPages = new Set([
  'cross-origin-opener-policy',
  'origin-agent-cluster',
  'x-dns-prefetch-control',
  'x-download-options',
  'x-permitted-cross-domain-policies',
  // Asks old browsers for the absence of a filter that made pages less safe.
  'x-xss-protection',
])

test('securityFields has every field of helmet that an API can use', () => {
  const fields = new Map<string, unknown>()
  // helmet only sets headers: nothing of a request or of a connection is looked at.
  const response = {
    setHeader: (name: string, value: unknown) => fields.set(name.toLowerCase(), value),
    removeHeader: () => undefined,
  }
  helmet()({} as IncomingMessage, response as unknown as ServerResponse, () => undefined)
  assert.ok(fields.size > 10, String(fields.size))
  const ours: ReadonlySet<string> = new Set(securityFields.map(([name]) => name))
  assert.deepEqual(
    [...fields.keys()].filter((name) => !ours.has(name) && !ofPages.has(name)),
    [],
  )
})

test('finishFields() adds what is missing and leaves what the answer says itself', () => {
  const finished = finishFields(['cache-control', 'max-age=60'], 'r')
  const names = finished.filter((_, index) => index % 2 === 0)
  assert.equal(names.length, new Set(names).size)
  assert.equal(finished[finished.indexOf('cache-control') + 1], 'max-age=60')
  assert.equal(finished[finished.indexOf('x-request-id') + 1], 'r')
  assert.ok(names.includes('content-security-policy'))
})

test('securityFields keep what somebody stored as a page from acting as this origin', () => {
  const policy = new Map<string, string>(securityFields).get('content-security-policy') ?? ''
  assert.deepEqual(
    ["default-src 'none'", "form-action 'none'", 'sandbox'].filter((part) => !policy.split('; ').includes(part)),
    [],
  )
})
