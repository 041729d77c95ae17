import { Command } from 'commander'
import { isJsonObject, type JsonObject } from '@pop-api/protocol'
import { documentOf, readBody, refusal } from '../client/answer.ts'
import { exchange } from '../client/exchange.ts'
import { findGateway, type Gateway } from '../client/gateway.ts'
import { presentSession } from '../client/present-session.ts'
import { CommandFailure, exitCodes } from '../command-failure.ts'
import { writeJson } from '../print/json-line.ts'
import type { Surroundings } from '../print/surroundings.ts'
import { printTable } from '../print/table.ts'
import { hasFlag } from '../up/words.ts'

/** One operation that the caller may call. */
export interface ListedOperation {
  readonly method: string
  readonly path: string
  readonly operation_id: string
  readonly summary: string
  readonly module: string
}

const documentBytesMax = 32 * 1024 * 1024
const wideColumns = 120
const methods = ['get', 'head', 'post', 'put', 'patch', 'delete', 'options', 'query']

/** `pop operations`: what the one who is signed in may call. */
export function operationsCommand(around: Surroundings): Command {
  return new Command('operations')
    .summary('what you may call')
    .description('Lists the operations that your roles let you call, from GET /openapi.json of the gateway.')
    .action(async (_options: unknown, command: Command) => {
      const gateway = await findGateway(command, around.environment)
      const { accessToken } = await presentSession(gateway, around.environment)
      const operations = listOperations(await fetchDocument(gateway, accessToken))
      if (hasFlag(command, 'json')) {
        await writeJson(operations, around.out)
        return
      }
      // Paths begin with the base of their module: where there is no room for both, the summary says more.
      const isWide = (around.out.columns ?? wideColumns) >= wideColumns
      const titles = ['METHOD', 'PATH', ...(isWide ? ['MODULE'] : []), 'SUMMARY']
      const rows = operations.map(({ method, path, module, summary }) => [
        method,
        path,
        ...(isWide ? [module] : []),
        summary,
      ])
      await printTable(
        titles.map((title) => ({ title })),
        rows,
        around.out,
      )
    })
}

async function fetchDocument(gateway: Gateway, accessToken: string): Promise<JsonObject> {
  const headers = { accept: 'application/json', authorization: `Bearer ${accessToken}` }
  using answer = await exchange(gateway, { method: 'GET', path: '/openapi.json', headers })
  const body = await readBody(answer, gateway, documentBytesMax)
  if (answer.status >= 400) throw refusal(answer, body)
  const document = documentOf(body)
  if (document !== undefined && isJsonObject(document['paths'])) return document
  const message = `${gateway.origin}/openapi.json is no OpenAPI document with paths: is this a POP API gateway?`
  throw new CommandFailure(exitCodes.refused, message)
}

/** The operations of an OpenAPI document, in the order of their paths. What is no operation is left out. Untrusted input. */
export function listOperations({ paths }: JsonObject): readonly ListedOperation[] {
  const items = isJsonObject(paths) ? Object.entries(paths) : []
  return items
    .toSorted(([one], [other]) => (one < other ? -1 : 1))
    .flatMap(([path, item]) =>
      methods.flatMap((method) => {
        const operation = isJsonObject(item) ? item[method] : undefined
        if (!isJsonObject(operation)) return []
        return [
          {
            method: method.toUpperCase(),
            path,
            operation_id: textOf(operation['operationId']),
            summary: textOf(operation['summary']),
            module: textOf(operation['x-pop-module']),
          },
        ]
      }),
    )
}

function textOf(value: unknown): string {
  return typeof value === 'string' ? value : ''
}
