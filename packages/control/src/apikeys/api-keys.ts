import { createHmac, hash, type KeyObject } from 'node:crypto'
import { encodeBase62, hashApiKey, mintApiKey, parseApiKey } from '@pop-api/protocol'
import { requiredText, type Store } from '../store/store.ts'

/** Whose key it is: `module:<name>`, and the instance it was made for. */
export interface ApiKeyOwner {
  readonly owner: string
  readonly spiffeId: string
}

/**
 * The API key of one enrolment. It is computed from control's own secret, the one-time token and the keys that the newcomer
 * brought, so that a repeated enrolment has the same answer though only the hash is stored.
 */
export function enrolmentApiKey(secret: KeyObject, environment: string, token: string, binding: string): string {
  const derive = (purpose: string): Buffer =>
    createHmac('sha256', hash('sha256', secret.export({ type: 'pkcs8', format: 'der' }), 'buffer'))
      .update(`${purpose}\n${token}\n${binding}`)
      .digest()
  const id = encodeBase62(derive('api-key-id'), 43).slice(-16)
  return mintApiKey({ environment, id, secret: derive('api-key-secret') })
}

/** Stores the hash of an instance's key; a key that the same instance had before is dead from then on. */
export function replaceApiKey(
  { database }: Store,
  key: string,
  environment: string,
  { owner, spiffeId }: ApiKeyOwner,
  nowMs: number,
): void {
  const id = parseApiKey(key, environment)?.id
  if (id === undefined) throw new Error('An API key that was just made does not parse.')
  database.prepare('delete from api_keys where spiffe_id = ?').run(spiffeId)
  database.prepare('insert into api_keys values (?, ?, ?, ?, ?)').run(id, hashApiKey(key), owner, spiffeId, nowMs)
}

/** Whose key a text is; undefined for every other text, a key of another environment among them. Untrusted input. */
export function ownerOfApiKey({ database }: Store, text: string, environment: string): ApiKeyOwner | undefined {
  if (parseApiKey(text, environment) === undefined) return undefined
  const row = database.prepare('select owner, spiffe_id from api_keys where hash = ?').get(hashApiKey(text))
  return row && { owner: requiredText(row['owner']), spiffeId: requiredText(row['spiffe_id']) }
}
