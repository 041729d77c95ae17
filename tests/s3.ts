import assert from 'node:assert/strict'
import { join } from 'node:path'
import { ensureSecretFolder, openFileWrapper } from '@pop-api/keyring'
import { defineS3Service, manifest, openFileDriver, quotaUnlessTold } from '@pop-api/s3-service'
import type { TestModule } from '@pop-api/testkit'

/** s3_service with its embedded driver. */
export const s3: TestModule = {
  name: 's3_service',
  manifest,
  open: async (home) => {
    await ensureSecretFolder(home)
    const keys = await openFileWrapper(join(home, 'keys', 'objects.json'))
    const driver = await openFileDriver({
      home,
      keys,
      quota: quotaUnlessTold,
      nowMs: Date.now,
      onFault: (fault) => assert.fail(String(fault)),
    })
    const definition = defineS3Service(driver)
    return { definition, [Symbol.asyncDispose]: () => driver[Symbol.asyncDispose]() }
  },
}
