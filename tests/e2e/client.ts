import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { readDevUsers, totpCode } from '@pop-api/identity'
import { exchange, type ClientAnswer } from '@pop-api/testkit'
import type { Supervised } from './supervised.ts'

/** A client that knows nothing of what happens to the processes. */
export function clientOf(pop: Supervised) {
  const { gateway: origin, ca: caFile } = pop.run()
  const ca = readFileSync(caFile, 'utf8')
  const form = (path: string, parameters: Record<string, string>): Promise<ClientAnswer> =>
    exchange({
      method: 'POST',
      origin,
      path,
      ca,
      headers: { 'content-type': 'application/x-www-form-urlencoded' },
      body: new URLSearchParams(parameters).toString(),
    })
  const call = (token: string, method: string, path: string, body?: unknown): Promise<ClientAnswer> => {
    const headers = { authorization: `Bearer ${token}`, 'content-type': 'application/json' }
    return exchange({
      method,
      origin,
      path,
      ca,
      headers,
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    })
  }
  return { form, call }
}

/** Signs a development user in with password and the present code. */
export async function signIn(pop: Supervised, username: string): Promise<ClientAnswer> {
  const { users } = await readDevUsers(join(pop.home, 'dev-users.json'))
  const user = users.find((known) => known.username === username)
  if (user === undefined) throw new Error(`There is no user ${username}.`)
  const totp = totpCode(user.totp_secret ?? '', Date.now())
  return clientOf(pop).form('/oauth/token', { grant_type: 'password', username, password: user.password, totp })
}
