import { defineModule, type ModuleDefinition } from '@pop-api/module'
import type { ObjectDriver } from './driver/object-driver.ts'
import { s3Handlers } from './handlers.ts'
import { manifest } from './manifest.ts'

/** What one owner may have unless told otherwise. */
export const quotaUnlessTold = {
  bucketsPerOwnerMax: 1000,
  bytesPerOwnerMax: 10 * 1024 ** 3,
  objectsPerOwnerMax: 100_000,
} as const

/** The module over a driver, ready to be served. */
export function defineS3Service(driver: ObjectDriver): ModuleDefinition {
  return defineModule({
    manifest,
    handlers: s3Handlers(driver),
    exists: (kind, id) => kind === 'bucket' && driver.hasBucket(id),
  })
}
