import type { IncomingMessage } from 'node:http'
import {
  es256Seal,
  parseTarget,
  PopError,
  sealLimits,
  type CanonicalTarget,
  type RequestHead,
  type Verdict,
} from '@pop-api/protocol'
import { allowPlainLoopback, type ModuleContext } from './context.ts'
import type { ModuleDefinition, ServedOperation } from './definition.ts'

/** Where a request leads. */
interface Located {
  readonly target: CanonicalTarget
  readonly served: ServedOperation
  readonly parameters: Readonly<Record<string, string>>
}

/** A request whose head was proven, or why it was refused and the nonce to bind the answer to. */
export type Opened =
  | { readonly kind: 'opened'; readonly located: Located; readonly head: RequestHead }
  | { readonly kind: 'refused'; readonly error: PopError; readonly nonce: string | undefined }

/** Finds the operation and verifies the head of the seal for it. Never throws. */
export function openRequest(request: IncomingMessage, definition: ModuleDefinition, context: ModuleContext): Opened {
  const method = request.method ?? ''
  const raw = request.url ?? ''
  const located = locate(method, raw, definition)
  const trust = context.trust()
  if (trust === undefined)
    return refusedFor(new PopError('module-unavailable', 'The module has no trusted keys yet.', retrySoon))
  const peer = context.peerOf(request.socket)
  if (peer === undefined && !isPlainLoopback(request, context))
    return refusedFor(new PopError('seal-identity', 'The connection has no client certificate.'))
  const verdict = es256Seal.verifyRequestHead(
    { method, target: raw, rawHeaders: request.rawHeaders },
    {
      trust,
      wits: context.wits,
      nonces: context.nonces,
      limits: sealLimits,
      audience: context.spiffeId,
      boot: context.boot,
      peer,
      module: definition.manifest.name,
      operation: located instanceof PopError ? undefined : located.served.operation.id,
      takesUpload: !(located instanceof PopError) && located.served.operation.stream === 'upload',
      nowMs: context.nowMs(),
    },
  )
  if (verdict.ok) {
    // Without an operation nothing is ever accepted, so this is only what the type needs.
    if (located instanceof PopError) return refusedFor(located, verdict.value.binding.nonce)
    return { kind: 'opened', located, head: verdict.value }
  }
  // No Txn-Token fits a request that leads nowhere. Everything before it was proven, so the caller may learn where it stands.
  if (located instanceof PopError && verdict.code === 'seal-txn') return refusedFor(located, verdict.nonce)
  return refusedFor(sealError(verdict, context.boot), verdict.nonce)
}

const retrySoon = { headers: { 'retry-after': '1' } }

/** The problem of a refused seal; `retry-seal` carries the present boot value. */
export function sealError({ code, detail }: Extract<Verdict<never>, { ok: false }>, boot: string): PopError {
  if (code === 'retry-seal') return new PopError(code, detail, { members: { boot } })
  return new PopError(code, detail, code === 'seal-full' ? retrySoon : {})
}

function refusedFor(error: PopError, nonce?: string): Opened {
  return { kind: 'refused', error, nonce }
}

function locate(method: string, raw: string, definition: ModuleDefinition): Located | PopError {
  const target = parseTarget(raw)
  if (!target.ok) return new PopError(target.code, target.detail)
  // What the gateway decided on is the canonical spelling; another one was never decided on.
  if (target.value.text !== raw) return new PopError('ambiguous-target', 'The target is not in its canonical form.')
  const match = definition.find(method, target.value.segments)
  if (match.kind === 'none') return new PopError('no-such-operation', 'The module has no such operation.')
  if (match.kind === 'method') {
    const headers = { allow: match.allow.join(', ') }
    return new PopError('method-not-allowed', 'The module does not offer this method here.', { headers })
  }
  return { target: target.value, served: match.value, parameters: match.parameters }
}

function isPlainLoopback({ socket }: IncomingMessage, context: ModuleContext): boolean {
  const address = socket.remoteAddress ?? ''
  const loopback = address === '::1' || /^(::ffff:)?127\./.test(address)
  return context[allowPlainLoopback] === true && !('encrypted' in socket) && loopback
}
