import { startModule, type ModuleDefinition } from '@pop-api/module'
import type { BootFile, ManifestDocument } from '@pop-api/protocol'
import { joinModule, meshServerOptions, peerSpiffeId, type ModuleMembership } from '@pop-api/workload'

/** A module to start: what its program would do, without the program. */
export interface TestModule {
  readonly name: string
  readonly manifest: ManifestDocument
  /** Opens what the handlers need below `home`; disposed after the module. */
  readonly open: (home: string) => OpenedModule | Promise<OpenedModule>
}

/** A definition, and what its handlers hold until the end. */
export type OpenedModule = { readonly definition: ModuleDefinition } & (Disposable | AsyncDisposable)

/** A module that runs. */
export interface StartedModule {
  readonly spiffeId: string
  /** `https://host:port` */
  readonly address: string
  /** Boot value of this start. */
  readonly boot: string
}

interface Surroundings {
  readonly boot: BootFile
  /** Gains everything that the module needs disposed at its end. */
  readonly workloads: AsyncDisposableStack
  readonly failed: (requestId: string, failure: unknown) => void
}

/** Enrols a module and serves it on a port that the system chooses. */
export async function startTestModule(module: TestModule, surroundings: Surroundings): Promise<StartedModule> {
  const { boot, workloads, failed } = surroundings
  const onProblem = (problem: unknown): void => failed('-', problem)
  const member = workloads.use(await joinModule(boot, module.manifest, { onProblem }))
  const { definition } = workloads.use(await module.open(boot.home))
  let bootValue = ''
  const workload: ModuleMembership = {
    ...member,
    reportInstance: (report) => {
      bootValue = report.boot
      return member.reportInstance(report)
    },
  }
  const running = workloads.use(
    await startModule({
      definition,
      workload,
      transport: { meshServerOptions, peerSpiffeId },
      listen: { host: '127.0.0.1', port: 0 },
      home: boot.home,
      onFault: (failure, requestId) => failed(requestId, failure),
    }),
  )
  return { spiffeId: member.spiffeId, address: running.address, boot: bootValue }
}
