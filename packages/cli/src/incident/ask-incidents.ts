import type { Command } from 'commander'
import type { JsonObject } from '@pop-api/protocol'
import { askOperation, type AskedOperation } from '../client/ask-operation.ts'
import type { Surroundings } from '../print/surroundings.ts'

/** Asks the gateway for an operation whose path goes on behind `/v1/pop/incidents`. Throws as `askOperation`. */
export async function askIncidents(command: Command, around: Surroundings, asked: AskedOperation): Promise<JsonObject> {
  return await askOperation(command, around, { ...asked, path: `/v1/pop/incidents${asked.path}` })
}
