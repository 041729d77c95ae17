import { PopError } from '@pop-api/module'
import type { ListPlace } from './driver/object-driver.ts'

const shape = /^([kp])([A-Za-z0-9_-]+)$/

/** Where a list goes on, as a client gives it back. It is no secret, and one that somebody made up shows nothing more. */
export function formatPlace({ kind, text }: ListPlace): string {
  return `${kind === 'key' ? 'k' : 'p'}${Buffer.from(text).toString('base64url')}`
}

/** Reads a token of `formatPlace`; undefined for none. Throws `parameter-invalid`. */
export function parsePlace(token: unknown): ListPlace | undefined {
  if (token === undefined) return undefined
  const [, kind, encoded = ''] = shape.exec(typeof token === 'string' ? token : '') ?? []
  const text = Buffer.from(encoded, 'base64url').toString('utf8')
  if (kind === undefined || Buffer.from(text).toString('base64url') !== encoded)
    throw new PopError('parameter-invalid', 'The parameter page_token is not the next_page_token of a page.')
  return { kind: kind === 'k' ? 'key' : 'prefix', text }
}
