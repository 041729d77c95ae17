import { keyIdOf } from '@pop-api/keyring'
import type { BootFile, InstanceReport, JsonObject, ManifestDocument, TokenSigner } from '@pop-api/protocol'
import type { ControlLink, HandedOperation } from '../bulletin/control-link.ts'
import { obtainCredentials } from '../enrol/obtain.ts'
import { WorkloadError } from '../workload-error.ts'
import {
  exportKey,
  openMembership,
  presentKey,
  reportInstance,
  type JoinOptions,
  type Membership,
} from './membership.ts'

/** Certificate and key towards clients, PEM. */
export interface PublicIdentity {
  readonly certificate: string
  readonly privateKey: string
}

export interface GatewayMembership extends Membership {
  readonly publicIdentity: () => PublicIdentity
  /** Signs this gateway's Txn-Tokens; its `kid` is the one in the trust section. */
  readonly txnSigner: TokenSigner
  /** Hands an operation to control: what it answers, still unchecked. Throws the PopError of its refusal, or a WorkloadError. */
  readonly handToControl: (operation: HandedOperation) => Promise<JsonObject>
  /** Tells control what endpoints of this gateway revoked; the same once more changes nothing. As `handToControl`. */
  readonly reportRevocations: ControlLink['reportRevocations']
}

export interface ModuleMembership extends Membership {
  /** `PUT /instance`: address, manifest digest and boot value of this start. */
  readonly reportInstance: (report: InstanceReport) => Promise<void>
}

/**
 * Makes this process a gateway of the mesh. Throws WorkloadError (`root-mismatch`, `credentials-invalid`, `control-unavailable`)
 * or the PopError of control's refusal. The caller disposes it.
 */
export async function joinGateway(boot: BootFile, options: JoinOptions = {}): Promise<GatewayMembership> {
  const member = await openMembership(boot, { kind: 'gateway' }, options)
  const { keys } = member.held()
  const txnKey = presentKey(keys.txn)
  const privateKey = exportKey(keys.public)
  return {
    ...member,
    txnSigner: { kid: keyIdOf(txnKey), privateKey: txnKey },
    handToControl: member.link.perform,
    reportRevocations: member.link.reportRevocations,
    publicIdentity: () => ({ certificate: member.held().credentials.publicCertificate ?? '', privateKey }),
  }
}

/** Makes this process an instance of a module; the manifest must be the module's own. Throws as `joinGateway`. */
export async function joinModule(
  boot: BootFile,
  manifest: ManifestDocument,
  options: JoinOptions = {},
): Promise<ModuleMembership> {
  const member = await openMembership(boot, { kind: 'module', manifest }, options)
  return { ...member, reportInstance: (report) => reportInstance(member, report) }
}

/** Gets the issuer's certificate towards clients. The issuer is no member of the mesh: it renews by enrolling at a later start. */
export async function obtainPublicIdentity(boot: BootFile, options: JoinOptions = {}): Promise<PublicIdentity> {
  const { nowMs = Date.now, random = Math.random, patienceMs = 60_000 } = options
  const { credentials, keys } = await obtainCredentials(boot, { kind: 'issuer' }, { nowMs, random, patienceMs })
  const { publicCertificate } = credentials
  if (publicCertificate === undefined) throw new WorkloadError('credentials-invalid', 'Control gave no certificate.')
  return { certificate: publicCertificate, privateKey: exportKey(keys.public) }
}
