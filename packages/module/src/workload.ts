import type { KeyObject } from 'node:crypto'
import type { ServerOptions } from 'node:https'
import type { TLSSocket } from 'node:tls'
import type { BulletinSections, InstanceReport, SectionName } from '@pop-api/protocol'

/** What a module needs of its membership in the mesh; `joinMesh` of the workload package gives it. */
export interface ModuleWorkload {
  readonly spiffeId: string
  /** The present ones: read anew for each message, because they are renewed. */
  readonly credentials: () => { readonly wit: string; readonly messageKey: KeyObject }
  readonly onRenew: (listener: () => void) => void
  readonly bulletin: {
    readonly section: <S extends SectionName>(name: S) => BulletinSections[S] | undefined
    readonly onChange: (listener: (section: SectionName) => void) => void
  }
  readonly reportInstance: (report: InstanceReport) => Promise<void>
}

/** How the mesh speaks TLS: both functions are exports of the workload package. */
export interface MeshTransport<W extends ModuleWorkload> {
  readonly meshServerOptions: (workload: W) => ServerOptions
  readonly peerSpiffeId: (socket: TLSSocket) => string | undefined
}
