import { contentDigest } from '../digest/content-digest.ts'
import { PopError } from '../problem/pop-error.ts'
import type { ProblemCode } from '../problem/catalogue.ts'
import { signBase } from '../signature/algorithm.ts'
import { forbiddenFields, neverCoveredFields, sealLabel, sealOwnFields, sealTag } from './names.ts'
import type { FlatFields, SealIdentity, SealMoment, StreamedBody } from './terms.ts'

/** How long a seal of ours holds: long enough for a slow hop, short enough to keep few nonces. */
const sealLifeSeconds = 30

/** A signature base that grows with each covered component, and the list of those components. */
export interface Cover {
  list: string
  base: string
}

const nameShape = /^[a-z0-9-]+$/
const parameterShape = /^[!#-[\]-~]+$/
/** Printable ASCII and tabs, with no white space at the ends: what every reader takes for the same value. */
const valueShape = /^(?:[!-~](?:[\t -~]*[!-~])?)?$/

/**
 * Covers one component; `text` is its serialisation. Throws a PopError with the code for a value that is not trimmed printable
 * ASCII: a line break in it would forge a line of the base.
 */
export function coverComponent(cover: Cover, text: string, value: string, code: ProblemCode): void {
  if (!valueShape.test(value)) throw new PopError(code, `The value of ${text} is not trimmed printable ASCII.`)
  cover.list += cover.list === '' ? text : ` ${text}`
  cover.base += `${text}: ${value}\n`
}

/**
 * Covers every field in its order. Throws a PopError with the code for a field that has a second reading (a name twice or not in
 * lower case) or that may not cross at all.
 */
export function coverFields(cover: Cover, fields: FlatFields, code: ProblemCode): void {
  const seen = new Set<string>()
  for (let index = 0; index < fields.length; index += 2) {
    const name = fields[index] ?? ''
    if (!nameShape.test(name) || neverCoveredFields.has(name) || forbiddenFields.has(name) || sealOwnFields.has(name)) {
      throw new PopError(code, `The field "${name}" may not cross between workloads.`)
    }
    if (seen.has(name)) throw new PopError(code, `The field "${name}" is there twice.`)
    seen.add(name)
    coverComponent(cover, `"${name}"`, fields[index + 1] ?? '', code)
  }
}

/**
 * Covers what the head says of its body: a digest of one that is there, or the mark and length of one that follows. Adds the
 * fields to `sealed`. Throws a PopError with the code for a length that is none.
 */
export function coverBody(cover: Cover, body: Uint8Array | StreamedBody, sealed: string[], code: ProblemCode): void {
  const add = (name: string, value: string): void => {
    coverComponent(cover, `"${name}"`, value, code)
    sealed.push(name, value)
  }
  if (body instanceof Uint8Array) {
    if (body.length > 0) add('content-digest', contentDigest(body))
    return
  }
  add('pop-body', body.stream)
  if (body.lengthBytes === undefined) return
  if (body.stream === 'open' || !Number.isSafeInteger(body.lengthBytes) || body.lengthBytes < 0)
    throw new PopError(code, 'This is not the length of a streamed body.')
  add('pop-length', String(body.lengthBytes))
}

/** The parameters that every seal has, for one that is made now. */
export function commonParameters(moment: SealMoment, code: ProblemCode): string {
  return lifeParameters(moment, sealTag, code)
}

/** Times, nonce and tag of a signature that is made now. */
export function lifeParameters({ nowMs, nonce }: SealMoment, tag: string, code: ProblemCode): string {
  const created = Math.floor(nowMs / 1000)
  const times = `;created=${created};expires=${created + sealLifeSeconds}`
  return `${times}${textParameter('nonce', nonce, code)};tag="${tag}"`
}

/** A parameter with a text. Throws a PopError with the code for a value that would end the text early. */
export function textParameter(name: string, value: string, code: ProblemCode): string {
  if (!parameterShape.test(value)) throw new PopError(code, `The parameter ${name} has a value that cannot be written.`)
  return `;${name}="${value}"`
}

/** Signs what is covered, and gives the values of `Signature-Input` and `Signature`. */
export function signCover(
  cover: Cover,
  parameters: string,
  identity: SealIdentity,
): { readonly signatureInput: string; readonly signature: string } {
  const text = `(${cover.list})${parameters}`
  const signature = signBase('ecdsa-p256-sha256', identity.privateKey, `${cover.base}"@signature-params": ${text}`)
  return {
    signatureInput: `${sealLabel}=${text}`,
    signature: `${sealLabel}=:${signature.toString('base64')}:`,
  }
}
