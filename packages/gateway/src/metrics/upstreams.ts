import { PopError, type ModuleInstance, type ProblemCode } from '@pop-api/protocol'
import { InstanceUnreachable } from '../forward/module-answer.ts'

/** Why a call ended in no verified answer. */
export const upstreamFaults = ['unreachable', 'module-unavailable', 'module-timeout', 'answer-unverified'] as const
type UpstreamFault = (typeof upstreamFaults)[number]

/** What this gateway has seen of one instance of a module. */
export interface Upstream {
  /** By the last call that said something of it; undefined before that. */
  isUp: boolean | undefined
  /** Calls under way. */
  inFlight: number
  requestBytes: number
  answerBytes: number
  readonly failures: Record<UpstreamFault, number>
}

/** The instances that were called. */
export interface Upstreams {
  readonly of: (instance: ModuleInstance) => Upstream
  /** Undefined where it was never called. */
  readonly find: (spiffeId: string) => Upstream | undefined
  /** Forgets those that are not among these and have nothing under way. */
  readonly keep: (spiffeIds: ReadonlySet<string>) => void
}

/** Makes the book of the instances. An identity is one instance: what restarts elsewhere stays the same one. */
export function createUpstreams(): Upstreams {
  const upstreams = new Map<string, Upstream>()
  return {
    of: ({ spiffe_id: id }) => {
      let upstream = upstreams.get(id)
      if (upstream === undefined) upstreams.set(id, (upstream = unseen()))
      return upstream
    },
    find: (id) => upstreams.get(id),
    keep: (ids) => {
      for (const [id, { inFlight }] of upstreams) if (inFlight === 0 && !ids.has(id)) upstreams.delete(id)
    },
  }
}

function unseen(): Upstream {
  const failures = { unreachable: 0, 'module-unavailable': 0, 'module-timeout': 0, 'answer-unverified': 0 }
  return { isUp: undefined, inFlight: 0, requestBytes: 0, answerBytes: 0, failures }
}

/** Notes a call that failed. What a client did wrong (its upload broke off) says nothing of the instance. */
export function noteFailure(upstream: Upstream, failure: unknown): void {
  const fault = faultOf(failure)
  if (fault === undefined) return
  upstream.isUp = false
  upstream.failures[fault]++
}

const faultOfCode: Readonly<Partial<Record<ProblemCode, UpstreamFault>>> = {
  'module-unavailable': 'module-unavailable',
  'module-timeout': 'module-timeout',
  'answer-unverified': 'answer-unverified',
}

function faultOf(failure: unknown): UpstreamFault | undefined {
  if (failure instanceof InstanceUnreachable) return 'unreachable'
  return failure instanceof PopError ? faultOfCode[failure.code] : undefined
}
