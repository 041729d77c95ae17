import type { IncomingMessage, RequestListener, ServerResponse } from 'node:http'
import { es256Seal, PopError, type RequestBinding } from '@pop-api/protocol'
import { act, resourceId } from './act.ts'
import { createResourceLocks, type ResourceLocks } from './book/locks.ts'
import type { ModuleContext } from './context.ts'
import type { ModuleDefinition } from './definition.ts'
import { openRequest, sealError, type Opened } from './open.ts'
import { outcomeOf, refusalOf, type Outcome } from './outcome.ts'
import { readBody } from './read-body.ts'
import { auditEvent, mayHaveChanged, type Account } from './record.ts'

interface Served {
  readonly definition: ModuleDefinition
  readonly context: ModuleContext
  readonly locks: ResourceLocks
}

/**
 * Serves a module: target → route → seal → body → schema → book → handler → audit → sealed answer. Every refusal is a sealed
 * problem and an audit event. The listener never throws; give it to a `node:https` server that demands client certificates.
 */
export function createModuleServer(definition: ModuleDefinition, context: ModuleContext): RequestListener {
  const served = { definition, context, locks: createResourceLocks() }
  return (request, response) => {
    serve(request, response, served).catch((fault: unknown) => {
      context.onFault(fault, '-')
      response.destroy()
    })
  }
}

async function serve(request: IncomingMessage, response: ServerResponse, served: Served): Promise<void> {
  const { context, definition } = served
  const startedMs = context.nowMs()
  const opened = openRequest(request, definition, context)
  const { outcome, resource } = await work(opened, request, served)
  const account: Account = {
    service: definition.manifest.name,
    head: opened.kind === 'opened' ? opened.head : undefined,
    operation: opened.kind === 'opened' ? opened.located.served.operation.id : undefined,
    effect: opened.kind === 'opened' ? opened.located.served.operation.resource?.effect : undefined,
    resourceId: resource,
    peerAddress: request.socket.remoteAddress ?? '-',
    startedMs,
    endedMs: context.nowMs(),
  }
  const recorded = await record(account, outcome, context)
  const nonce = opened.kind === 'opened' ? opened.head.binding.nonce : opened.nonce
  send(response, recorded, { method: request.method ?? '', target: request.url ?? '', nonce }, context)
}

interface Worked {
  readonly outcome: Outcome
  readonly resource: string
}

/** From the proven head to the outcome. Never rejects. */
async function work(opened: Opened, request: IncomingMessage, served: Served): Promise<Worked> {
  if (opened.kind === 'refused') return { outcome: refusalOf(opened.error, '-', undefined), resource: '-' }
  const { located, head } = opened
  const { definition, context, locks } = served
  const { operation } = located.served
  const place = operation.resource?.id
  let resource = place?.from === 'path' ? (located.parameters[place.name] ?? '-') : '-'
  try {
    const body = await readBody(request)
    const verified = es256Seal.verifyRequestBody(head, body, request.rawTrailers)
    if (!verified.ok) throw sealError(verified, context.boot)
    const { target, parameters } = located
    const input = located.served.validate({ parameters, target, headers: head.headers, body })
    resource = resourceId(operation, input)
    const answer = await act({ served: located.served, head, input, definition, book: context.book, locks })
    return { outcome: outcomeOf(answer, operation), resource }
  } catch (failure) {
    if (!(failure instanceof PopError) || failure.code === 'internal') context.onFault(failure, head.requestId)
    return { outcome: refusalOf(failure, head.requestId, head.txn.tctx.decision), resource }
  }
}

/** Records the outcome. If that fails the caller learns of it instead, and whether something was done. */
async function record(account: Account, outcome: Outcome, context: ModuleContext): Promise<Outcome> {
  const changed = mayHaveChanged(account, outcome)
  try {
    await context.audit.append(auditEvent(account, outcome), changed ? 'durable' : 'written')
    return outcome
  } catch (fault) {
    const requestId = account.head?.requestId ?? '-'
    context.onFault(fault, requestId)
    const members = { outcome: !changed ? 'nothing' : outcome.problem === undefined ? 'done' : 'unknown' }
    const error = new PopError('audit-unavailable', 'The module could not record this.', { members })
    return refusalOf(error, requestId, undefined)
  }
}

function send(response: ServerResponse, outcome: Outcome, binding: RequestBinding, context: ModuleContext): void {
  const { status, headers, body } = outcome
  const sent = binding.method === 'HEAD' ? undefined : body
  const flat = Object.entries(headers).flat()
  const length = binding.method === 'HEAD' ? { lengthBytes: body?.length ?? 0 } : {}
  const moment = { nowMs: context.nowMs(), nonce: context.nextNonce() }
  const answer = { status, headers: flat, body: sent, binding, ...length }
  const sealed = es256Seal.sealAnswer(answer, context.sealIdentity(), moment)
  // What is left of an unread body must not be taken for the next request.
  if (!response.req.complete) response.shouldKeepAlive = false
  const framing = status === 204 || binding.method === 'HEAD' ? [] : ['content-length', String(sent?.length ?? 0)]
  response.writeHead(status, [...sealed, ...framing])
  response.end(sent)
}
