import { randomBytes, randomFillSync, randomUUID } from 'node:crypto'
import { setTimeout as wait } from 'node:timers/promises'
import type { AuditLog } from '@pop-api/audit'
import { createNonceSource, createWitCache, type Seal } from '@pop-api/protocol'
import { allowsTestTokens, type GatewaySettings } from '@pop-api/settings'
import type { GatewayMembership, PeerPools } from '@pop-api/workload'
import { networkOf } from './admit/network.ts'
import type { Compiled } from './compiled.ts'
import type { Dresser } from './dress/dress.ts'
import { createTxnCache } from './dress/txn-cache.ts'
import type { Gate } from './handle.ts'
import { createIntrospections } from './identify/introspections.ts'
import { createKeySet } from './identify/key-set.ts'
import { createProofMemory } from './identify/proof-memory.ts'
import { createTokenCache } from './identify/token-cache.ts'
import type { Authenticator } from './identify/verify-token.ts'
import { createBuckets, createRateLimiter } from './limit/gcra.ts'
import { limitConcurrency } from './limit/concurrency.ts'
import type { Metrics } from './metrics/metrics.ts'
import type { Provider } from './provider/provider.ts'
import type { Revocations } from './revoke/revocations.ts'
import type { UnderWay } from './revoke/under-way.ts'
import { createTraces } from './trace/traces.ts'

/** What a gate is made of; all of it is the caller's to dispose. */
export interface GateParts {
  readonly member: GatewayMembership
  readonly compiled: Compiled
  readonly pools: PeerPools
  readonly dresser: Dresser
  readonly audit: AuditLog
  readonly authenticator: Authenticator
  readonly underWay: UnderWay
  readonly metrics: Metrics
  readonly draining: () => boolean
  /** Told of every failure inside; the request id is `-` where there is none. */
  readonly failed: (requestId: string, failure: unknown) => void
}

/** Connections to one instance of a module. */
export const moduleConnectionsMax = 128
const ratesMax = 100_000
const witsMax = 1024
/** A quarter of the connections to one instance: one caller alone keeps nobody out. */
const streamsPerCallerMax = moduleConnectionsMax / 4
const txnTokensMax = 4096
const introspectionBounds = {
  tokensMax: 4096,
  refusalsMax: 4096,
  askingMax: 64,
  askingOfNetworkMax: 8,
  nowMs: Date.now,
}
/** A caller at the usual rate makes 13,000 in the time that each is remembered; eight may do twice that at once. */
const proofBounds = { proofsMax: 262_144, perCallerMax: 32_768 }

/** Puts the stages' parts together. Every getter gives what the present bulletin says. */
export function openGate(parts: GateParts): Gate {
  const { member, compiled, pools, audit, authenticator, metrics, failed } = parts
  const nowMs = Date.now
  let turns = 0
  const limits = perSettings(compiled.settings, ({ limits: rates }) => ({
    caller: createRateLimiter({ perSecond: rates.caller_rate, burst: rates.caller_burst }, ratesMax),
    network: createRateLimiter({ perSecond: rates.address_rate, burst: rates.address_burst }, ratesMax),
    signIn: createRateLimiter({ perSecond: rates.sign_in_rate, burst: rates.sign_in_burst }, ratesMax),
    strangers: createBuckets({ perSecond: rates.sign_in_rate, burst: rates.sign_in_burst }, ratesMax),
    // Who has many networks shall not fill the log either.
    allStrangers: createBuckets({ perSecond: rates.sign_in_rate * 10, burst: rates.sign_in_burst * 10 }, 1),
  }))
  return {
    admission: { draining: parts.draining, limitNetwork: (network, now) => limits().network(network, now) },
    routes: compiled.routes,
    authenticator,
    permitRules: () => ({
      decide: compiled.decide(),
      requireSecondFactor: compiled.settings().security_config.require_2fa,
      bulletinAgeMs: member.bulletin.ageMs,
      // Clients see these: they tell nothing of how many there are.
      nextDecisionId: randomUUID,
    }),
    limit: (subject, now) => limits().caller(subject, now),
    limitSignIn: (network, now) => limits().signIn(network, now),
    strangerFits: ({ address, startedMs }) => {
      const { strangers, allStrangers } = limits()
      return strangers(networkOf(address), startedMs) === 0 && allStrangers('*', startedMs) === 0
    },
    bodyBytesMax: () => compiled.settings().protocol.digest_body_max,
    dresser: parts.dresser,
    modules: {
      seal: parts.dresser.seal,
      poolOf: ({ spiffe_id: id, address }) => pools.poolOf(id, address),
      agentOf: ({ spiffe_id: id, address }) => pools.agentOf(id, address),
      nextNonce: parts.dresser.nextNonce,
      trust: compiled.trust,
      upstreams: metrics.upstreams,
      streams: limitConcurrency({ perCaller: streamsPerCallerMax, what: 'uploads and streamed answers' }),
      underWay: parts.underWay,
      wits: createWitCache(witsMax),
      // The pool of an instance connects to that identity and to no other.
      peerOf: ({ spiffe_id: id }) => id,
      nextTurn: () => turns++,
      silenceMsMax: () => compiled.settings().limits.module_silence_ms,
      nowMs,
    },
    recorder: {
      audit,
      level: () => compiled.settings().mode.audit_level,
      alarm: (failure) => failed('-', failure),
      recording: metrics.recording,
      nowMs,
    },
    traces: createTraces((bytes) => void randomFillSync(bytes)),
    metrics,
    failed,
  }
}

/** What a gateway signs with, always with its present credentials. */
export function openDresser(member: GatewayMembership, compiled: Compiled, seal: Seal): Dresser {
  return {
    seal,
    spiffeId: member.spiffeId,
    domain: member.id.domain,
    sealIdentity: () => {
      const { wit, messageKey } = member.credentials()
      return { wit, privateKey: messageKey }
    },
    txnSigner: member.txnSigner,
    txnTokens: createTxnCache(txnTokensMax),
    version: compiled.version,
    nextNonce: createNonceSource(randomBytes(16)),
    nextTxn: randomUUID,
    nowMs: Date.now,
  }
}

/** Verifies the access tokens of the present provider. */
export function openAuthenticator(
  compiled: Compiled,
  provider: () => Provider,
  revocations: Revocations,
  tokensMax: number,
): Authenticator {
  let longestSeconds = 0
  // At the rate of sign-ins, and counted apart: whoever brings a token that nobody knows needs none to do so.
  const askers = perSettings(compiled.settings, ({ limits }) =>
    createRateLimiter({ perSecond: limits.sign_in_rate, burst: limits.sign_in_burst }, ratesMax),
  )
  return {
    keys: createKeySet({ fetchKeys: () => provider().keys(), nowMs: Date.now, wait: (ms) => wait(ms) }),
    rules: perSettings(compiled.settings, ({ identity, security_config: security }) => ({
      lifeSecondsEver: (longestSeconds = Math.max(longestSeconds, security.token_expiration)),
      // Without an issuer no token can be right: an empty `iss` is refused by every provider.
      issuer: identity.issuer ?? '',
      audience: identity.audience,
      lifeSecondsMax: security.token_expiration,
      serviceClients: new Map(Object.entries(identity.service_clients)),
      verify: identity.verify,
    })),
    cache: createTokenCache(tokensMax),
    introspections: createIntrospections(introspectionBounds),
    introspect: (token) => provider().introspect(token),
    introspectForStranger: (token) => provider().introspect(token, 'strangers'),
    limitAsking: (network, now) => askers()(network, now),
    proofs: createProofMemory({ ...proofBounds, startedMs: Date.now() }),
    revocations,
    testTokens: () => {
      const settings = compiled.settings()
      return {
        isAllowed: allowsTestTokens(settings),
        trust: compiled.trust(),
        audience: settings.identity.audience,
      }
    },
    nowMs: Date.now,
  }
}

/** Makes a value of the settings, and anew only when they change: the same settings give the same object. */
function perSettings<T>(settings: () => GatewaySettings, make: (settings: GatewaySettings) => T): () => T {
  let made: { readonly from: GatewaySettings; readonly value: T } | undefined
  return () => {
    const from = settings()
    if (made?.from !== from) made = { from, value: make(from) }
    return made.value
  }
}
