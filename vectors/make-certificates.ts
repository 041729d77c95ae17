// Writes certificates.json: `node --conditions=@pop-api/source vectors/make-certificates.ts`. Serial numbers and signatures are other
// ones each time. packages/workload/src/mesh/certificate-vectors.test.ts says whether a file is right.
import { createPublicKey } from 'node:crypto'
import { writeFile } from 'node:fs/promises'
import { issueMesh, issuePublic, makeRoot } from '../packages/control/src/authority/certificate.ts'
import { fixedKey, ids, nowMs } from '../packages/protocol/src/seal/fixed-world.ts'
import { source } from './world.ts'

const hourMs = 3_600_000
const validity = { fromMs: nowMs - 60_000, toMs: nowMs + 24 * hourMs }
const rootKey = fixedKey('mesh root')
const root = await makeRoot('POP mesh', rootKey, { fromMs: nowMs - 60_000, toMs: nowMs + 240 * hourMs })
const otherRoot = await makeRoot('POP mesh', fixedKey('another root'), validity)

/** A certificate of the mesh, signed by the root of the file. */
function meshOf(text: string): Promise<string> {
  const key = createPublicKey(fixedKey(`mesh ${text}`))
  return issueMesh({ certificate: root, privateKey: rootKey }, key, text, validity)
}

const publicCertificate = await issuePublic(
  { certificate: root, privateKey: rootKey },
  createPublicKey(fixedKey('public gateway')),
  { dns: ['localhost'], ip: ['127.0.0.1'] },
  validity,
)
const foreign = await issueMesh(
  { certificate: otherRoot, privateKey: fixedKey('another root') },
  createPublicKey(fixedKey(`mesh ${ids.gateway}`)),
  ids.gateway,
  validity,
)

const certificates = [
  { name: 'of a gateway', outcome: 'accepted', spiffe_id: ids.gateway, pem: await meshOf(ids.gateway) },
  { name: 'of a module', outcome: 'accepted', spiffe_id: ids.kafka, pem: await meshOf(ids.kafka) },
  { name: 'of a public listener', outcome: 'refused', pem: publicCertificate },
  { name: 'of another root of the same name', outcome: 'refused', pem: foreign },
  { name: 'of an identity that is none here', outcome: 'refused', pem: await meshOf('spiffe://pop.internal/printer/1') },
  {
    name: 'of one name that reads like two',
    outcome: 'refused',
    pem: await meshOf(`${ids.gateway}, URI:${ids.kafka}`),
  },
  { name: 'of a web address', outcome: 'refused', pem: await meshOf('https://pop.internal/gateway/gateway-1') },
]

const vectors = {
  source,
  note: 'PEM; spiffe_id is whom an accepted certificate names; times are those around now_ms of seal.json',
  now_ms: nowMs,
  root,
  certificates,
}

await writeFile(new URL('certificates.json', import.meta.url), `${JSON.stringify(vectors, null, 1)}\n`)
