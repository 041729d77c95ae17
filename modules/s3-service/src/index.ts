export { defineS3Service, quotaUnlessTold } from './definition.ts'
export { hasObjectBook, openFileDriver, type FileDriverOptions } from './driver/file-driver.ts'
export { manifest } from './manifest.ts'
export type * from './driver/object-driver.ts'
