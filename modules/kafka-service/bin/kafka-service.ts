#!/usr/bin/env node
import { mkdir } from 'node:fs/promises'
import { join } from 'node:path'
import { startModule } from '@pop-api/module'
import {
  joinModule,
  meshServerOptions,
  peerSpiffeId,
  readBootFile,
  reportReady,
  superviseProcess,
} from '@pop-api/workload'
import { defineKafkaService, manifest, openSqliteDriver } from '../src/index.ts'

const boot = await readBootFile()
await mkdir(boot.home, { recursive: true, mode: 0o700 })
const driver = openSqliteDriver(join(boot.home, 'topics.db'), Date.now)
const workload = await joinModule(boot, manifest)
const running = await startModule({
  definition: defineKafkaService(driver),
  workload,
  transport: { meshServerOptions, peerSpiffeId },
  listen: boot.listen['module'] ?? { host: '127.0.0.1', port: 0 },
  home: boot.home,
})
superviseProcess(async () => {
  await running[Symbol.asyncDispose]()
  await workload[Symbol.asyncDispose]()
  driver[Symbol.dispose]()
})
await reportReady({ address: running.address })
