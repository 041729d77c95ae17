import { hasControl, isJsonObject, PopError, type Operation, type Ownership, type RequestHead } from '@pop-api/protocol'
import { admission, ownershipsOf } from './book/admission.ts'
import type { ResourceBook } from './book/book.ts'
import { parseCursor } from './book/cursor.ts'
import type { ResourceLocks } from './book/locks.ts'
import type { Resource, Visibility } from './book/resource.ts'
import type { HandlerAnswer, HandlerRequest, ModuleDefinition, ServedOperation } from './definition.ts'
import { listBody } from './list-items.ts'
import type { OperationInput } from '@pop-api/protocol'
import { UploadUnverified, type RequestStream } from './stream.ts'

/** A validated request on its way to the handler. */
export interface Action {
  readonly served: ServedOperation
  readonly head: RequestHead
  readonly input: OperationInput
  /** Of an upload. */
  readonly stream: RequestStream | undefined
  readonly definition: ModuleDefinition
  readonly book: ResourceBook
  readonly locks: ResourceLocks
}

const listLimitUnlessAsked = 100
const listLimitMax = 100

/**
 * Admits the request by the resource book and runs its handler. Throws `permission-denied` for what the caller may know of and
 * not do, `resource-not-found` for what it may not know of, `resource-exists` for a name that is taken.
 */
export async function act(action: Action): Promise<HandlerAnswer> {
  const { served, head, input } = action
  const words = ownershipsOf(head.txn.scope, served.operation.requires.module)
  if (words.length === 0) throw denied()
  const rule = served.operation.resource
  if (rule === undefined) return callHandler(action, words, {})
  if (rule.effect === 'list') return list(action, words, rule.kind)
  const id = resourceId(served.operation, input)
  const alone = rule.effect === 'create' || rule.effect === 'delete'
  const release = await action.locks.hold(`${rule.kind} ${id}`, alone ? 'alone' : 'shared')
  let resource: Resource
  try {
    if (rule.effect === 'create') return await create(action, words, rule.kind, id)
    resource = admitted(action, words, action.book.find(rule.kind, id))
    if (rule.effect === 'delete') return await remove(action, words, resource)
    if (action.stream === undefined) return await use(action, words, resource)
  } finally {
    release()
  }
  // An upload may take hours: held for so long, one slow client would keep everybody waiting behind a deletion.
  return use(action, words, resource)
}

/** The id that the request names; `-` for an operation without one. Throws `body-invalid` where the body lacks it. */
export function resourceId({ resource }: Operation, input: Pick<OperationInput, 'parameters' | 'body'>): string {
  const place = resource?.id
  if (place === undefined) return '-'
  const source = place.from === 'path' ? input.parameters : input.body
  const id = isJsonObject(source) && Object.hasOwn(source, place.name) ? source[place.name] : undefined
  // Half a surrogate pair and NUL are one text here and another on the disk: two names for one entry.
  if (typeof id !== 'string' || id === '' || id.length > 1024 || !id.isWellFormed() || hasControl(id))
    throw new PopError('body-invalid', `The body must name the resource in ${place.name}.`)
  return id
}

function admitted(action: Action, words: readonly Ownership[], resource: Resource | undefined): Resource {
  const { head, definition } = action
  if (resource === undefined) throw notFound()
  const permissions = [...(definition.readPermissions.get(resource.kind) ?? [])]
  const reads = permissions.flatMap((permission) => ownershipsOf(head.txn.scope, permission))
  const outcome = admission(resource, head.txn.sub, words, reads)
  if (outcome === 'unknown') throw notFound()
  if (outcome === 'denied') throw denied()
  return resource
}

async function create(action: Action, words: readonly Ownership[], kind: string, id: string): Promise<HandlerAnswer> {
  const { book, head, input } = action
  if (!words.includes('any') && !words.includes('own')) throw denied()
  const asked = isJsonObject(input.body) ? input.body['visibility'] : undefined
  const resource: Resource = { kind, id, owner: head.txn.sub, visibility: asked === 'public' ? 'public' : 'private' }
  // Names are unique, so that a name is taken can be learned by whoever may create; nothing else of the resource can.
  if (!book.reserve(resource)) throw new PopError('resource-exists', `The name ${kind} ${id} is taken.`)
  const wish = visibilityWish(resource.visibility)
  try {
    const answer = await callHandler(action, words, { resource, book: wish.book })
    book.hold(kind, id, wish.present())
    return answer
  } catch (failure) {
    book.release(kind, id)
    throw failure
  }
}

async function use(action: Action, words: readonly Ownership[], resource: Resource): Promise<HandlerAnswer> {
  const wish = visibilityWish(resource.visibility)
  const change = action.served.operation.resource?.effect === 'change'
  const answer = await callHandler(action, words, change ? { resource, book: wish.book } : { resource })
  const visibility = wish.present()
  if (visibility !== resource.visibility) action.book.setVisibility(resource.kind, resource.id, visibility)
  return answer
}

async function remove(action: Action, words: readonly Ownership[], resource: Resource): Promise<HandlerAnswer> {
  const { kind, id } = resource
  action.book.beginDelete(kind, id)
  try {
    const answer = await callHandler(action, words, { resource })
    action.book.endDelete(kind, id, true)
    return answer
  } catch (failure) {
    // The module's own store does not have it: the entry was a leftover, and goes.
    action.book.endDelete(kind, id, failure instanceof PopError && failure.code === 'resource-not-found')
    throw failure
  }
}

async function list(action: Action, ownerships: readonly Ownership[], kind: string): Promise<HandlerAnswer> {
  const { limit: asked, page_token: token } = action.input.query
  const limit = Math.min(typeof asked === 'number' ? asked : listLimitUnlessAsked, listLimitMax)
  if (limit < 1) throw new PopError('parameter-invalid', 'limit must be at least 1.')
  const after = typeof token === 'string' ? parseCursor(token) : ''
  const page = action.book.page({ kind, subject: action.head.txn.sub, ownerships, after, limit })
  const answer = await callHandler(action, ownerships, { page: { resources: page.resources } })
  return { ...answer, body: listBody(action.served.operation, answer.body, page) }
}

type Admitted = Partial<Pick<HandlerRequest, 'resource' | 'page' | 'book'>>

async function callHandler(action: Action, scope: readonly Ownership[], given: Admitted): Promise<HandlerAnswer> {
  const { served, head, input, stream } = action
  const { sub, rctx, txn } = head.txn
  const caller = { subject: sub, name: rctx.name }
  const none = { resource: undefined, page: undefined, book: undefined }
  try {
    return await served.handler({ ...input, ...none, ...given, stream, caller, scope, requestId: head.requestId, txn })
  } catch (failure) {
    // Codes of the seal say that the hop is broken: an author's handler must not be able to say that.
    const ours = failure instanceof UploadUnverified
    if (!ours && failure instanceof PopError && /^(seal-|retry-seal)/.test(failure.code))
      throw new PopError('internal', 'The module failed.', { cause: failure })
    throw failure
  }
}

/** Takes a handler's wish for another visibility, to be granted once the handler has succeeded. */
function visibilityWish(present: Visibility) {
  let wanted = present
  const setVisibility = (visibility: Visibility): void => {
    wanted = visibility
  }
  return { book: { setVisibility }, present: () => wanted }
}

function denied(): PopError {
  return new PopError('permission-denied', 'The caller may not do this here.')
}

function notFound(): PopError {
  return new PopError('resource-not-found', 'There is no such resource, or it is not the caller’s to know of.')
}
