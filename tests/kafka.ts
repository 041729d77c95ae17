import { join } from 'node:path'
import { defineKafkaService, manifest, openSqliteDriver } from '@pop-api/kafka-service'
import type { TestModule } from '@pop-api/testkit'

/** kafka_service with its embedded driver. */
export const kafka: TestModule = {
  name: 'kafka_service',
  manifest,
  open: (home) => {
    const driver = openSqliteDriver(join(home, 'topics.db'), Date.now)
    return { definition: defineKafkaService(driver), [Symbol.dispose]: () => driver[Symbol.dispose]() }
  },
}
