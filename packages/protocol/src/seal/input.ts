import { decodeBase64 } from '../encoding/base64url.ts'
import type { Component } from '../signature/component.ts'

/** The `Signature-Input` of a seal, parsed. What the profile requires is there; what it forbids cannot be. */
export interface SealInput {
  readonly components: readonly Component[]
  /** The inner list with its parameters, as sent: the value of `@signature-params`. */
  readonly text: string
  /** Seconds since 1970. */
  readonly created: number
  readonly expires: number
  readonly nonce: string
  readonly tag: string
  /** `wimse-aud`, of a request. */
  readonly audience?: string
  /** `pop-boot`, of a request. */
  readonly boot?: string
  /** `wimse-sign-response`, of a request. */
  readonly signResponse?: true
  /** `wimse-req-nonce`, of an answer. */
  readonly requestNonce?: string
}

const component = '"(?:[a-z0-9-]+|@method|@request-target|@status)"(?:;req)?'
const parameter = ';[a-z][a-z-]*(?:=(?:"[ !#-\\[\\]-~]*"|0|[1-9][0-9]{0,14}))?'
const inputShape = new RegExp(`^wimse=(\\((${component}(?: ${component})*)\\)((?:${parameter})+))$`)
const eachParameter = /;([a-z-]+)(?:=(?:"([^"]*)"|([0-9]+)))?/g
const signatureShape = /^wimse=:([A-Za-z0-9+/]+={0,2}):$/
const nonceShape = /^[A-Za-z0-9_-]{8,64}$/

/**
 * Reads the one signature of a seal. It takes only what the profile writes, in the one spelling of RFC 9651, section 4.1: the
 * label `wimse` alone, field names and the profile's `@` names with at most `;req`, and the parameters of the profile, each
 * once. Undefined for everything else: a second label, a second spelling, `keyid`, `alg`. It is a subset of RFC 9421 that has
 * one reading, and it is read without building a structured field first. Untrusted input.
 */
export function readSealInput(raw: string): SealInput | undefined {
  const [, text, list, parameters] = inputShape.exec(raw) ?? []
  if (text === undefined || list === undefined || parameters === undefined) return undefined
  const components = readComponents(list)
  const read: { -readonly [K in keyof SealInput]?: SealInput[K] } = {}
  for (const [, name, quoted, digits] of parameters.matchAll(eachParameter)) {
    if (!readParameter(read, name ?? '', quoted, digits)) return undefined
  }
  const { created, expires, nonce, tag } = read
  if (components === undefined || created === undefined || expires === undefined) return undefined
  if (nonce === undefined || tag === undefined || !nonceShape.test(nonce)) return undefined
  return { ...read, components, text, created, expires, nonce, tag }
}

/** Reads the one signature of `Signature`: the bytes under the label `wimse`, in canonical base64. Untrusted input. */
export function readSealSignature(raw: string): Buffer | undefined {
  const [, base64] = signatureShape.exec(raw) ?? []
  return base64 === undefined ? undefined : decodeBase64(base64)
}

/** A workload covers the same few lists again and again: those of the last messages are not parsed anew. */
const knownLists = new Map<string, readonly Component[]>()
const knownListsMax = 64

function readComponents(list: string): readonly Component[] | undefined {
  const known = knownLists.get(list)
  if (known !== undefined) return known
  const components = parseComponents(list)
  if (components === undefined) return undefined
  if (knownLists.size >= knownListsMax) knownLists.clear()
  knownLists.set(list, components)
  return components
}

function parseComponents(list: string): readonly Component[] | undefined {
  const components: Component[] = []
  const seen = new Set<string>()
  for (const text of list.split(' ')) {
    if (seen.has(text)) return undefined
    seen.add(text)
    components.push(
      text.endsWith(';req') ? { name: text.slice(1, -5), text, req: true } : { name: text.slice(1, -1), text },
    )
  }
  return components
}

/** Sets one parameter; false if it is not of the profile, of another type, or there already. */
function readParameter(
  read: { -readonly [K in keyof SealInput]?: SealInput[K] },
  name: string,
  quoted: string | undefined,
  digits: string | undefined,
): boolean {
  if (name === 'wimse-sign-response') {
    if (quoted !== undefined || digits !== undefined || read.signResponse === true) return false
    read.signResponse = true
    return true
  }
  if (name === 'created' || name === 'expires') {
    if (digits === undefined || read[name] !== undefined) return false
    read[name] = Number(digits)
    return true
  }
  const member = textParameters.get(name)
  if (member === undefined || quoted === undefined || read[member] !== undefined) return false
  read[member] = quoted
  return true
}

const textParameters: ReadonlyMap<string, 'nonce' | 'tag' | 'audience' | 'boot' | 'requestNonce'> = new Map([
  ['nonce', 'nonce'],
  ['tag', 'tag'],
  ['wimse-aud', 'audience'],
  ['pop-boot', 'boot'],
  ['wimse-req-nonce', 'requestNonce'],
] as const)
