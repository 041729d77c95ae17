/** A SPIFFE ID of this profile, parsed: `spiffe://<domain>/<kind>/<name>[/<instance>]` (wire.md, trust domain). */
export type WorkloadId =
  | { readonly domain: string; readonly kind: 'gateway' | 'control'; readonly node: string }
  | { readonly domain: string; readonly kind: 'module'; readonly module: string; readonly instance: string }

const domainShape = /^[a-z0-9]([a-z0-9.-]{0,253}[a-z0-9])?$/
const segmentShape = /^[A-Za-z0-9_][A-Za-z0-9_.-]{0,62}$/

/** Parses a SPIFFE ID; undefined when it is not exactly one of the three shapes. Untrusted input. */
export function parseSpiffeId(text: string): WorkloadId | undefined {
  if (text.length > 512 || !text.startsWith('spiffe://')) return undefined
  const [domain, kind, ...names] = text.slice('spiffe://'.length).split('/')
  if (domain === undefined || !domainShape.test(domain)) return undefined
  if (!names.every((name) => segmentShape.test(name))) return undefined
  const [first, second] = names
  if (first === undefined) return undefined
  if (kind === 'gateway' || kind === 'control') return names.length === 1 ? { domain, kind, node: first } : undefined
  if (kind !== 'module' || second === undefined || names.length !== 2) return undefined
  return { domain, kind, module: first, instance: second }
}

export function formatSpiffeId(id: WorkloadId): string {
  const path = id.kind === 'module' ? `${id.module}/${id.instance}` : id.node
  return `spiffe://${id.domain}/${id.kind}/${path}`
}
