export { defineKafkaService } from './definition.ts'
export { openSqliteDriver } from './driver/sqlite-driver.ts'
export { manifest } from './manifest.ts'
export type * from './driver/topic-driver.ts'
