import assert from 'node:assert/strict'
import { test } from 'node:test'
import { spiffeIdOfNames } from './tls.ts'

test('spiffeIdOfNames() gives the only name if it is a SPIFFE URI', () => {
  const spiffeId = 'spiffe://pop.internal/module/kafka_service/1'
  assert.equal(spiffeIdOfNames(`URI:${spiffeId}`), spiffeId)
})

const others: readonly (string | undefined)[] = [
  undefined,
  '',
  'DNS:localhost',
  'URI:https://pop.internal/gateway/g',
  'URI:spiffe://pop.internal/gateway/g, URI:spiffe://pop.internal/gateway/h',
  'DNS:localhost, URI:spiffe://pop.internal/gateway/g',
  'URI:spiffe://pop.internal/gateway/g, DNS:localhost',
  'URI:"spiffe://pop.internal/gateway/g, x"',
  'URI:spiffe://pop.internal/gateway/g\n',
]

test('spiffeIdOfNames() gives nothing for every other set of names', () => {
  for (const names of others) assert.equal(spiffeIdOfNames(names), undefined, String(names))
})
