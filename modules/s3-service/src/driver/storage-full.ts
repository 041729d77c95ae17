import { PopError } from '@pop-api/module'

const diskCodes: ReadonlySet<unknown> = new Set(['ENOSPC', 'EDQUOT', 'EFBIG'])
/** SQLite's own word for it. */
const sqliteFull = 13

/** What to throw for a failure of the disk: `storage-full` where there is no room, else the failure itself. */
export function storageFailure(failure: unknown): unknown {
  if (!(failure instanceof Error)) return failure
  const full = diskCodes.has(Reflect.get(failure, 'code')) || Reflect.get(failure, 'errcode') === sqliteFull
  return full ? new PopError('storage-full', 'There is no room left for this object.', { cause: failure }) : failure
}
