import { startPop } from '@pop-api/testkit'
import { kafka } from '../tests/kafka.ts'
import { s3 } from '../tests/s3.ts'

/**
 * `GET /openapi.json` of a system of its own, as somebody with every role of the development settings sees it, at the address that
 * `npm start` has. Starts the system on loopback and ends it. Throws an Error when the gateway does not answer with it.
 */
export async function readOpenApi(): Promise<string> {
  const user = { username: 'everybody', roles: ['admin', 'user', 'reader'] }
  await using pop = await startPop({ modules: [kafka, s3], users: [user] })
  const { status, body } = await pop.call(await pop.token(user.username), 'GET', '/openapi.json')
  if (status !== 200) throw new Error(`The gateway answered ${status}: ${JSON.stringify(body)}`)
  return `${JSON.stringify({ ...body, servers: [{ url: 'https://localhost:8443' }] }, null, 2)}\n`
}
