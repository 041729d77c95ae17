import { manifestDigest, type Manifest } from '@pop-api/protocol'

/**
 * Digest of what a manifest may not change without approval (wire.md, manifests are pinned): name, base, permissions, and per
 * operation requirement, resource, calls and stream. A new or a missing operation is a change of it as well.
 */
export function pinOf({ name, base, permissions, operations }: Manifest): string {
  return manifestDigest({
    name,
    base,
    permissions: [...permissions].sort(),
    operations: Object.fromEntries(
      operations.map(({ id, requires, resource, calls, stream }) => [
        id,
        { requires, resource: resource ?? null, calls: [...calls].sort(), stream: stream ?? null },
      ]),
    ),
  })
}
