import { PopError } from '@pop-api/protocol'

/** The opaque form of "behind this id". It grants nothing: whatever it says, only admitted resources follow. */
export function formatCursor(id: string): string {
  return Buffer.from(id, 'utf8').toString('base64url')
}

/** Reads a `page_token`. Throws `parameter-invalid`. Untrusted input. */
export function parseCursor(token: string): string {
  const id = Buffer.from(token, 'base64url').toString('utf8')
  if (formatCursor(id) !== token) throw new PopError('parameter-invalid', 'page_token is not one that was given here.')
  return id
}
