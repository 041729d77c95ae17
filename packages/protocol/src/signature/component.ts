import { serializeInnerList, serializeItem, type InnerList, type Item } from 'structured-headers'
import { isStructuredList, parseDictionary } from '../encoding/dictionary.ts'
import { unfold, type SignedMessage } from './message.ts'

/** A covered component (RFC 9421, section 2): its name, its parameters, and `text`, its one serialisation. */
export interface Component {
  readonly name: string
  /** `"@method";req` */
  readonly text: string
  /** Taken from the request that the message answers. */
  readonly req?: true
  /** Taken from the trailers. */
  readonly tr?: true
  /** Each field line as a byte sequence. */
  readonly bs?: true
  /** Only this member of a dictionary. */
  readonly key?: string
  /** Name of a query parameter, percent-encoded. */
  readonly queryName?: string
}

/** What may stand in a line of a signature base; a line break in a value would forge another line. */
const baseValue = /^[\t\u0020-\u007e]*$/

/**
 * The value of a component in a message; undefined if the message does not have it, has it in a form that no two readers would
 * serialise alike, or has characters in it that a signature base cannot hold. Untrusted input.
 */
export function componentValue(component: Component, message: SignedMessage): string | undefined {
  const source = component.req === true ? message.request : message
  if (source === undefined) return undefined
  const value = component.name.startsWith('@') ? derivedValue(component, source) : fieldValue(component, source)
  return value !== undefined && baseValue.test(value) ? value : undefined
}

function fieldValue(component: Component, message: SignedMessage): string | undefined {
  if (component.bs === true) return byteSequences(component.name, message.rawFields)
  const value = (component.tr === true ? message.trailers : message.fields)?.get(component.name)
  return value === undefined || component.key === undefined ? value : dictionaryMember(value, component.key)
}

function dictionaryMember(value: string, key: string): string | undefined {
  const member = parseDictionary(value)?.get(key)
  if (member === undefined) return undefined
  // Parsed by the library a moment ago, so it has the library's shape.
  return isStructuredList(member)
    ? serializeInnerList(member as unknown as InnerList)
    : serializeItem(member as unknown as Item)
}

function byteSequences(name: string, rawFields: readonly string[] = []): string | undefined {
  const lines: string[] = []
  for (let index = 0; index + 1 < rawFields.length; index += 2) {
    if (rawFields[index]?.toLowerCase() !== name) continue
    lines.push(`:${Buffer.from(unfold(rawFields[index + 1] ?? ''), 'latin1').toString('base64')}:`)
  }
  return lines.length === 0 ? undefined : lines.join(', ')
}

/** Derived components of RFC 9421, section 2.2. Those of a request are there only in a request, `@status` only in an answer. */
function derivedValue(component: Component, message: SignedMessage): string | undefined {
  const { target } = message
  switch (component.name) {
    case '@method':
      return message.method
    case '@request-target':
      return target
    case '@status':
      return message.status?.toString()
    case '@scheme':
      return message.scheme
    case '@authority':
      return authority(message)
    case '@target-uri':
      return message.scheme === undefined || authority(message) === undefined || !isPath(target)
        ? undefined
        : `${message.scheme}://${authority(message)}${target}`
    case '@path':
      return isPath(target) ? target.split('?', 1)[0] : undefined
    case '@query':
      return isPath(target) ? `?${queryOf(target)}` : undefined
    case '@query-param':
      return isPath(target) ? queryParameter(queryOf(target), component.queryName) : undefined
    default:
      return undefined
  }
}

function isPath(target: string | undefined): target is string {
  return target?.startsWith('/') === true
}

function queryOf(target: string): string {
  const mark = target.indexOf('?')
  return mark < 0 ? '' : target.slice(mark + 1)
}

function authority(message: SignedMessage): string | undefined {
  const usualPort = message.scheme === 'http' ? ':80' : ':443'
  const host = message.authority?.toLowerCase()
  return host?.endsWith(usualPort) === true ? host.slice(0, -usualPort.length) : host
}

/** RFC 9421, section 2.2.8: read as a form, written percent-encoded; a name that occurs twice has no value. */
function queryParameter(query: string, name: string | undefined): string | undefined {
  const values: string[] = []
  for (const [candidate, value] of new URLSearchParams(query)) {
    if (encodeFormText(candidate) === name) values.push(value)
  }
  const [value] = values
  return values.length === 1 && value !== undefined ? encodeFormText(value) : undefined
}

function encodeFormText(text: string): string {
  return encodeURIComponent(text.toWellFormed()).replaceAll(
    /[!'()~]/g,
    (character) => `%${character.charCodeAt(0).toString(16).toUpperCase()}`,
  )
}
