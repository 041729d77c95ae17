#!/usr/bin/env node
import { text } from 'node:stream/consumers'
import { setDefaultCACertificates, getCACertificates } from 'node:tls'
import { parseStrictJson } from '@pop-api/protocol'
import { answerRealm, parseRealmOrder } from '../src/realm/answer-realm.ts'
import { RealmError, RealmUnreachable } from '../src/realm/connect-admin.ts'

// A realm of Keycloak for the command `pop realm`: one order as JSON on standard input (src/realm/answer-realm.ts says what is in
// it), one JSON object a line on standard output: { progress } any number of times, then { result } or { error }.
// Exit 0: done; 1: Keycloak would not; 2: the order was not one; 3: Keycloak could not be reached.

function tell(line: object): void {
  process.stdout.write(`${JSON.stringify(line)}\n`)
}

try {
  const parsed = parseStrictJson(await text(process.stdin))
  if (!parsed.ok) throw new TypeError('The order for the realm is not JSON.')
  const order = parseRealmOrder(parsed.value)
  // The library asks through the `fetch` of Node, which trusts what this process trusts.
  if (order.ca !== undefined) setDefaultCACertificates([...getCACertificates('default'), order.ca])
  tell({ result: await answerRealm(order, (progress) => tell({ progress })) })
} catch (error) {
  tell({ error: error instanceof Error ? error.message : String(error) })
  process.exitCode = error instanceof RealmUnreachable ? 3 : error instanceof RealmError ? 1 : 2
}
