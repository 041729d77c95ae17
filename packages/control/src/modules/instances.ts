import { isIP } from 'node:net'
import { isJsonObject, isPlainText, PopError, type InstanceReport } from '@pop-api/protocol'
import { requiredText, textOf, type Store } from '../store/store.ts'

/** Reads `PUT /instance`. Throws `body-invalid`. Untrusted input. */
export function parseInstanceReport(value: unknown): InstanceReport {
  const { address, manifest_digest: digest, boot, ...rest } = isJsonObject(value) ? value : {}
  if (!isAddress(address))
    throw new PopError('body-invalid', '"address" must be https://host:port and nothing behind it.')
  if (!isPlainText(digest, 128)) throw new PopError('body-invalid', '"manifest_digest" is missing.')
  if (typeof boot !== 'string' || !/^[A-Za-z0-9_-]{22}$/.test(boot)) {
    throw new PopError('body-invalid', '"boot" must be 128 random bits in base64url.')
  }
  if (Object.keys(rest).length > 0)
    throw new PopError('body-invalid', 'There are members beside the three that are known.')
  return { address, manifest_digest: digest, boot }
}

/**
 * Lists an instance under its SPIFFE ID, in place of what was there. Throws `workload-refused` when its manifest is not the one
 * in force: then its requests would be routed by another contract than it serves.
 */
export function putInstance({ database }: Store, spiffeId: string, module: string, report: InstanceReport): void {
  const row = database.prepare('select digest, pending_digest from modules where name = ?').get(module)
  if (row === undefined) throw new PopError('workload-refused', `The module ${module} is not known.`)
  if (requiredText(row['digest']) !== report.manifest_digest) {
    const waits = textOf(row['pending_digest']) === report.manifest_digest
    const advice = waits ? `it waits for: pop module approve ${module}` : 'send it to POST /renew first'
    throw new PopError('workload-refused', `The manifest of this instance is not in force: ${advice}.`)
  }
  const { address, manifest_digest: digest, boot } = report
  database
    .prepare('insert or replace into instances values (?, ?, ?, ?, ?)')
    .run(spiffeId, module, address, digest, boot)
}

function isAddress(value: unknown): value is string {
  if (typeof value !== 'string' || value.length > 300 || !URL.canParse(value)) return false
  const { protocol, hostname, port, origin } = new URL(value)
  const host = hostname.replace(/^\[(.*)\]$/, '$1')
  const isHost = isIP(host) !== 0 || /^[a-z0-9]([a-z0-9.-]*[a-z0-9])?$/.test(host)
  return protocol === 'https:' && origin === value && port !== '' && isHost
}
