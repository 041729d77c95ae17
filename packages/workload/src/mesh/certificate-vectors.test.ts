import assert from 'node:assert/strict'
import { X509Certificate } from 'node:crypto'
import { readFile } from 'node:fs/promises'
import { test } from 'node:test'
import { parseSpiffeId } from '@pop-api/protocol'
import { spiffeIdOfNames } from './tls.ts'

// The file has this shape; the tests fail if it changes.
const vectors = JSON.parse(
  await readFile(new URL('../../../../vectors/certificates.json', import.meta.url), 'utf8'),
) as {
  readonly now_ms: number
  readonly root: string
  readonly certificates: readonly {
    readonly name: string
    readonly outcome: string
    readonly spiffe_id?: string
    readonly pem: string
  }[]
}

/** What a peer is taken for that shows this certificate, where OpenSSL has found the chain and the times right. */
function identityIn(pem: string, root: X509Certificate): string | undefined {
  const certificate = new X509Certificate(pem)
  if (!certificate.verify(root.publicKey)) return undefined
  const spiffeId = spiffeIdOfNames(certificate.subjectAltName)
  return spiffeId !== undefined && parseSpiffeId(spiffeId) !== undefined ? spiffeId : undefined
}

test('certificates.json: every certificate names who it is published to name, or nobody', () => {
  assert(vectors.certificates.length >= 7)
  const root = new X509Certificate(vectors.root)
  assert.ok(root.ca)
  for (const { name, outcome, spiffe_id: spiffeId, pem } of vectors.certificates) {
    const found = identityIn(pem, root)
    assert.equal(found === undefined ? 'refused' : 'accepted', outcome, name)
    assert.equal(found, spiffeId, name)
  }
})

test('certificates.json: a certificate of the mesh is as its page says', () => {
  for (const { name, outcome, pem } of vectors.certificates) {
    if (outcome !== 'accepted') continue
    const certificate = new X509Certificate(pem)
    assert.equal(certificate.ca, false, name)
    assert.deepEqual(certificate.keyUsage?.toSorted(), ['1.3.6.1.5.5.7.3.1', '1.3.6.1.5.5.7.3.2'], name)
    assert.equal(certificate.publicKey.asymmetricKeyDetails?.namedCurve, 'prime256v1', name)
    assert.equal(certificate.subject, undefined, name)
    const lifeMs = certificate.validToDate.getTime() - vectors.now_ms
    assert.ok(lifeMs > 0 && lifeMs <= 86_400_000, name)
  }
})
