import { defineModule, type ModuleDefinition } from '@pop-api/module'
import type { TopicDriver } from './driver/topic-driver.ts'
import { kafkaHandlers } from './handlers.ts'
import { manifest } from './manifest.ts'

/** The module over a driver, ready to be served. */
export function defineKafkaService(driver: TopicDriver): ModuleDefinition {
  return defineModule({
    manifest,
    handlers: kafkaHandlers(driver),
    exists: (kind, id) => kind === 'topic' && driver.has(id),
  })
}
