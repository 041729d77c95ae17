import type { Readable } from 'node:stream'
import {
  parseSpiffeId,
  type BulletinPosition,
  type InstanceReport,
  type JsonObject,
  type RenewRequest,
  type RevocationFacts,
} from '@pop-api/protocol'
import { expectObject } from '../enrol/obtain.ts'
import { exchange, exchangeJson, openStream } from '../http/exchange.ts'
import { meshClientOptions, type MeshMember } from '../mesh/tls.ts'
import { WorkloadError } from '../workload-error.ts'

/** An operation of the API that control performs, handed on by the gateway that permitted it. */
export interface HandedOperation {
  readonly method: 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE'
  /** The request target, which the token is for. */
  readonly path: string
  readonly txnToken: string
  readonly requestId: string
  /** Undefined for none. */
  readonly body: unknown
  /** `If-Match` as the client sent it. */
  readonly ifMatch: string | undefined
}

/** A member's way to control: mTLS, and control must show a control identity of the same trust domain. */
export interface ControlLink {
  /** `POST /renew`: what control granted, still unchecked. */
  readonly renew: (request: RenewRequest) => Promise<JsonObject>
  readonly reportInstance: (report: InstanceReport, apiKey: string) => Promise<void>
  readonly snapshot: (signal: AbortSignal) => Promise<string>
  readonly changes: (after: BulletinPosition, signal: AbortSignal) => Promise<Readable>
  /** What control answers, still unchecked. Throws the PopError of its refusal, or a WorkloadError. */
  readonly perform: (operation: HandedOperation) => Promise<JsonObject>
  /** `POST /incidents/revocations`: what control answers, still unchecked. Throws as `perform` does. */
  readonly reportRevocations: (revocations: readonly RevocationFacts[], signal: AbortSignal) => Promise<JsonObject>
  readonly reportApplied: (position: BulletinPosition, proof: string | undefined, signal: AbortSignal) => Promise<void>
}

/** Heartbeats come each second: this long without one, the connection is taken for dead. */
const silenceMs = 5_000

/** `control` is `https://host:port`; `domain` the trust domain. Every request uses the member's present certificate. */
export function linkToControl(member: MeshMember, control: string, domain: string): ControlLink {
  const isControl = (spiffeId: string): boolean => {
    const id = parseSpiffeId(spiffeId)
    return id?.kind === 'control' && id.domain === domain
  }
  const base = (path: string) => ({ url: `${control}${path}`, tls: meshClientOptions(member, isControl) })
  return {
    renew: async (body) => expectObject(await exchangeJson({ method: 'POST', ...base('/renew'), body })),
    reportInstance: async (body, apiKey) => {
      await exchange({ method: 'PUT', ...base('/instance'), body, headers: { 'x-api-key': apiKey } })
    },
    snapshot: async (signal) => {
      const { jws } = expectObject(await exchangeJson({ method: 'GET', ...base('/bulletin'), signal }))
      if (typeof jws === 'string') return jws
      throw new WorkloadError('control-unreadable', 'Control answered without a bulletin.')
    },
    changes: ({ epoch, sequence }, signal) =>
      openStream({ method: 'GET', ...base(`/bulletin/changes?after=${epoch}.${sequence}`), signal }, silenceMs),
    perform: async ({ method, path, txnToken, requestId, body, ifMatch }) => {
      const condition = ifMatch === undefined ? {} : { 'if-match': ifMatch }
      const headers = { 'txn-token': txnToken, 'pop-request': requestId, ...condition }
      return expectObject(await exchangeJson({ method, ...base(path), body, headers }))
    },
    reportRevocations: async (revocations, signal) => {
      const wanted = { method: 'POST', ...base('/incidents/revocations'), body: { revocations }, signal } as const
      return expectObject(await exchangeJson(wanted))
    },
    reportApplied: async ({ epoch, sequence }, proof, signal) => {
      const body = { epoch, sequence, ...(proof === undefined ? {} : { proof }) }
      await exchange({ method: 'POST', ...base('/bulletin/applied'), body, signal })
    },
  }
}
