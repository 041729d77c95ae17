import { X509Certificate } from 'node:crypto'
import { spkiSha256Of } from '@pop-api/keyring'
import { exchange } from '../http/exchange.ts'
import { WorkloadError } from '../workload-error.ts'

/**
 * Fetches the root that signs admin's certificate, over a connection that proves nothing, and believes it only if its public key
 * is the pinned one (interfaces.md, start of a child). Nothing is sent that an impostor could use. Throws `root-mismatch`, or
 * `control-unavailable` while admin is not up.
 */
export async function fetchRoot(admin: string, rootSpkiSha256: string): Promise<string> {
  const pem = await exchange({
    method: 'GET',
    url: `${admin}/ca.pem`,
    tls: { rejectUnauthorized: false, minVersion: 'TLSv1.3' },
    answerBytesMax: 64 * 1024,
  })
  const root = parseRoot(pem)
  if (root === undefined || spkiSha256Of(root.publicKey) !== rootSpkiSha256) {
    throw new WorkloadError(
      'root-mismatch',
      `${admin} shows a root that is not the pinned one: nothing was sent to it.`,
    )
  }
  // Written anew from what was parsed: what else stood in the answer never gets into a trust store.
  return root.toString()
}

function parseRoot(pem: string): X509Certificate | undefined {
  if (pem.split('-----BEGIN CERTIFICATE-----').length !== 2) return undefined
  try {
    const root = new X509Certificate(pem)
    return root.ca && root.verify(root.publicKey) ? root : undefined
  } catch {
    // Whatever OpenSSL cannot read is not the pinned root, which is what undefined says.
    return undefined
  }
}
