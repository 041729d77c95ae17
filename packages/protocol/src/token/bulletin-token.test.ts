import assert from 'node:assert/strict'
import { createPublicKey, generateKeyPairSync } from 'node:crypto'
import { test } from 'node:test'
import type { BulletinChange, BulletinSnapshot } from '../bulletin/sections.ts'
import { signJws } from '../jws/jws.ts'
import { importKeyRecord } from '../jws/key-record.ts'
import { signBulletin, verifyBulletin } from './bulletin-token.ts'

const privateKey = generateKeyPairSync('ec', { namedCurve: 'P-256' }).privateKey
const signer = { kid: 'bulletin-1', privateKey }
const jwk = createPublicKey(privateKey).export({ format: 'jwk' })
const record = importKeyRecord({ ...jwk, kid: 'bulletin-1' })
assert(record)
const key = record

const trust = {
  domain: 'pop.internal',
  authorities: [{ id: 'ca-1', state: 'active', certificate: '-----BEGIN CERTIFICATE-----' }],
  wit_issuers: [{ kid: 'w', state: 'next', jwk }],
  txn_keys: [{ kid: 't', state: 'retiring', jwk, owner: 'spiffe://pop.internal/gateway/g' }],
} as const
const instance = {
  spiffe_id: 'spiffe://pop.internal/module/kafka_service/1',
  address: 'https://127.0.0.1:7101',
  boot: 'AAAAAAAAAAAAAAAAAAAAAA',
}
const kafka = { name: 'kafka_service', manifest: { openapi: '3.1.0' }, manifest_digest: 'abc', instances: [instance] }
const policy = { roles: { admin: ['create_resource'] }, module_permissions: {}, grants: { admin: ['kafka.create'] } }
const position = { aud: 'gateways', epoch: 1, sequence: 7, issued: 1_800_000_000_000, previous: 6 }
const snapshot: BulletinSnapshot = {
  ...position,
  sections: { trust, modules: { kafka_service: kafka }, policy, settings: { limits: {} } },
}

function verify(claims: object, audience = 'gateways') {
  return verifyBulletin(
    signJws({ alg: 'ES256', kid: 'bulletin-1', typ: 'pop-bulletin+jwt' }, claims, privateKey),
    key,
    {
      audience,
    },
  )
}

test('verifyBulletin() reads what signBulletin() made', () => {
  const change: BulletinChange = { ...position, section: 'policy', value: policy }
  const heartbeat: BulletinChange = { ...position, section: 'heartbeat' }
  for (const claims of [snapshot, change, heartbeat]) {
    assert.deepEqual(verifyBulletin(signBulletin(claims, signer), key, { audience: 'gateways' }), {
      ok: true,
      value: claims,
    })
  }
})

test('verifyBulletin() refuses another audience, key, kid and type', () => {
  assert.equal(verify(snapshot, 'module:kafka_service').ok, false)
  const stranger = { kid: 'bulletin-1', privateKey: generateKeyPairSync('ec', { namedCurve: 'P-256' }).privateKey }
  for (const token of [
    signBulletin(snapshot, stranger),
    signBulletin(snapshot, { kid: 'bulletin-2', privateKey }),
    signJws({ alg: 'ES256', kid: 'bulletin-1', typ: 'JWT' }, snapshot, privateKey),
  ]) {
    assert.equal(verifyBulletin(token, key, { audience: 'gateways' }).ok, false)
  }
})

test('verifyBulletin() refuses positions and sections in another shape', () => {
  const withTrust = (change: object) => ({ ...position, sections: { trust: { ...trust, ...change } } })
  const withModule = (change: object) => ({
    ...position,
    sections: { modules: { kafka_service: { ...kafka, ...change } } },
  })
  assert.equal(verify(withTrust({})).ok, true)
  assert.equal(verify(withModule({})).ok, true)
  for (const claims of [
    position,
    { ...snapshot, epoch: -1 },
    { ...snapshot, sequence: '7' },
    { ...snapshot, issued: 1.5 },
    { ...snapshot, previous: undefined },
    { ...snapshot, section: 'heartbeat' },
    { ...position, section: 'heartbeat', value: {} },
    { ...position, section: 'unheard-of', value: {} },
    { ...position, section: 'constructor', value: {} },
    { ...position, sections: { unheard_of: {} } },
    { ...position, sections: [] },
    { ...position, section: 'policy', value: { ...policy, grants: { admin: 'all' } } },
    { ...position, section: 'settings', value: [] },
    withTrust({ domain: 7 }),
    withTrust({ authorities: {} }),
    withTrust({ authorities: [{ id: 'a', state: 'trusted', certificate: '' }] }),
    withTrust({ wit_issuers: [{ kid: 'w', state: 'active' }] }),
    withTrust({ txn_keys: [{ kid: 't', state: 'active', jwk }] }),
    withModule({ name: 's3_service' }),
    withModule({ manifest: undefined }),
    withModule({ instances: [{ ...instance, spiffe_id: 'spiffe://pop.internal/module/s3_service/1' }] }),
    withModule({ instances: [{ ...instance, boot: undefined }] }),
  ]) {
    assert.equal(verify(claims).ok, false, JSON.stringify(claims))
  }
})
