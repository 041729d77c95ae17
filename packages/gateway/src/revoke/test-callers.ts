import type { Caller } from '../identify/caller.ts'

/** A caller of the tests, with what a test changes. */
export function callerWith(change: Partial<Caller> = {}): Caller {
  return {
    subject: 'user:bob',
    name: 'bob',
    clientId: 'pop-cli',
    roles: ['user'],
    permissions: [],
    secondFactor: 'proven',
    jti: 'j-1',
    sid: 's-1',
    iat: 1_799_999_990,
    exp: 1_800_003_590,
    issuer: 'https://id.example',
    ...change,
  }
}
