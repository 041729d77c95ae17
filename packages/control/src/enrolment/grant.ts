import { randomUUID } from 'node:crypto'
import { mintWit, type EnrolResponse } from '@pop-api/protocol'
import { publicKeyOf } from '../authority/authority.ts'
import { issueMesh, issuePublic, type Validity } from '../authority/certificate.ts'
import type { EnrolmentContext } from './context.ts'
import type { BroughtKeys } from './request-keys.ts'

/** Clocks of others may lag this much behind ours. */
const backdateMs = 60_000

/**
 * Certificates and WIT for the keys that a workload brought, under the name that control decided. `spiffeId` is undefined for a
 * workload that is no member of the mesh.
 */
export async function makeGrant(
  context: EnrolmentContext,
  spiffeId: string | undefined,
  keys: BroughtKeys,
): Promise<EnrolResponse> {
  const { authorities, lives, publicNames, controlUrl, nowMs } = context
  const now = nowMs()
  const validity = (lifeMs: number): Validity => ({ fromMs: now - backdateMs, toMs: now + lifeMs })
  const common = { bulletin_jwk: publicKeyOf(authorities.bulletin).jwk, control: controlUrl() }
  const publicCertificate =
    keys.public && (await issuePublic(authorities.publicCa, keys.public, publicNames, validity(lives.publicMs)))
  const forPublic = publicCertificate === undefined ? {} : { public_certificate: publicCertificate }
  if (spiffeId === undefined || keys.mesh === undefined || keys.message === undefined) {
    return { ...common, ...forPublic, mesh_roots: [] }
  }
  const iat = Math.floor(now / 1000)
  const exp = iat + Math.floor(lives.meshMs / 1000)
  const claims = { iss: context.spiffeId, sub: spiffeId, iat, exp, jti: randomUUID(), publicKey: keys.message }
  return {
    ...common,
    ...forPublic,
    spiffe_id: spiffeId,
    certificate: await issueMesh(authorities.meshCa, keys.mesh, spiffeId, validity(lives.meshMs)),
    wit: mintWit(claims, authorities.witIssuer),
    mesh_roots: [authorities.meshCa.certificate],
  }
}
