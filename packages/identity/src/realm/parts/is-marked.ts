import type { Fields } from '../compare.ts'

/** True for what bears the mark of this program: a text at clients and scopes, a list at roles. */
export function isMarked({ attributes }: Fields): boolean {
  return String(Object(attributes)['pop.managed']) === 'true'
}
