import type { IncomingMessage, RequestListener, ServerResponse } from 'node:http'
import { es256Seal, PopError, type RequestHead } from '@pop-api/protocol'
import { act, resourceId } from './act.ts'
import { createResourceLocks, type ResourceLocks } from './book/locks.ts'
import type { ModuleContext } from './context.ts'
import type { ModuleDefinition } from './definition.ts'
import { openRequest, sealError, type Opened } from './open.ts'
import { isStreamed, outcomeOf, refusalOf, type Outcome } from './outcome.ts'
import { readBody } from './read-body.ts'
import { auditEvent, mayHaveChanged, type Account } from './record.ts'
import { tokenRevoked, type Flow } from './revoked.ts'
import { clientGone, sendStream, sendWhole } from './send.ts'
import { openUpload } from './stream.ts'

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
  const opened = openRequest(request, served.definition, served.context)
  // Whatever is still on its way to or from somebody who is revoked ends with the connection.
  const cut = (): void => void response.destroy()
  const flow = opened.kind === 'opened' ? served.context.revoked.begin(opened.head.txn, cut) : undefined
  try {
    await answer(request, response, served, { opened, flow })
  } finally {
    flow?.end()
  }
}

async function answer(
  request: IncomingMessage,
  response: ServerResponse,
  served: Served,
  { opened, flow }: { readonly opened: Opened; readonly flow: Flow | undefined },
): Promise<void> {
  const { context, definition } = served
  const startedMs = context.nowMs()
  const { outcome, resource } = unlessCut(await work(opened, request, served), flow)
  const account = {
    service: definition.manifest.name,
    head: opened.kind === 'opened' ? opened.head : undefined,
    operation: opened.kind === 'opened' ? opened.located.served.operation.id : undefined,
    effect: opened.kind === 'opened' ? opened.located.served.operation.resource?.effect : undefined,
    resourceId: resource,
    peerAddress: request.socket.remoteAddress ?? '-',
    startedMs,
  }
  const nonce = opened.kind === 'opened' ? opened.head.binding.nonce : opened.nonce
  const binding = { method: request.method ?? '', target: request.url ?? '', nonce }
  const goneBy = (): PopError => (flow?.isCut() === true ? tokenRevoked() : clientGone())
  const sending = { response, binding, context, goneBy }
  if (isStreamed(outcome) && binding.method !== 'HEAD') {
    const events = opened.kind === 'opened' && opened.located.served.operation.stream === 'events'
    // What was read is recorded before the end of it leaves, and what broke off as that.
    await sendStream(outcome, events ? 'open' : 'trailer', sending, (failed) =>
      append({ ...account, endedMs: context.nowMs() }, failed ?? outcome, context),
    )
    return
  }
  if (isStreamed(outcome)) await outcome.body.release?.()
  const recorded = await record({ ...account, endedMs: context.nowMs() }, outcome, context)
  sendWhole(recorded, sending)
}

interface Worked {
  readonly outcome: Outcome
  readonly resource: string
}

/** What failed because it was cut says so. */
function unlessCut(worked: Worked, flow: Flow | undefined): Worked {
  if (flow?.isCut() !== true || worked.outcome.problem === undefined) return worked
  return { ...worked, outcome: refusalOf(tokenRevoked(), '-', undefined) }
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
    if (context.revoked.isRevoked(head.txn)) throw tokenRevoked()
    const stream = operation.stream === 'upload' ? await openUpload(request, head, context.nowMs) : undefined
    const body = stream === undefined ? await readWhole(request, head, context) : Buffer.of()
    const { target, parameters } = located
    const input = located.served.validate({ parameters, target, headers: head.headers, body })
    resource = resourceId(operation, input)
    const answer = await act({ served: located.served, head, input, stream, definition, book: context.book, locks })
    return { outcome: await outcomeOf(answer, operation), resource }
  } catch (failure) {
    if (!(failure instanceof PopError) || failure.code === 'internal') context.onFault(failure, head.requestId)
    return { outcome: refusalOf(failure, head.requestId, head.txn.tctx.decision), resource }
  }
}

async function readWhole(request: IncomingMessage, head: RequestHead, context: ModuleContext): Promise<Buffer> {
  const body = await readBody(request)
  const verified = es256Seal.verifyRequestBody(head, body, request.rawTrailers)
  if (!verified.ok) throw sealError(verified, context.boot)
  return body
}

/** Records the outcome. If that fails the caller learns of it instead, and whether something was done. */
async function record(account: Account, outcome: Outcome, context: ModuleContext): Promise<Outcome> {
  try {
    await append(account, outcome, context)
    return outcome
  } catch (fault) {
    const requestId = account.head?.requestId ?? '-'
    context.onFault(fault, requestId)
    const changed = mayHaveChanged(account, outcome)
    const members = { outcome: !changed ? 'nothing' : outcome.problem === undefined ? 'done' : 'unknown' }
    const error = new PopError('audit-unavailable', 'The module could not record this.', { members })
    return refusalOf(error, requestId, undefined)
  }
}

async function append(account: Account, outcome: Outcome, { audit }: ModuleContext): Promise<void> {
  await audit.append(auditEvent(account, outcome), mayHaveChanged(account, outcome) ? 'durable' : 'written')
}
