export { totpCode } from './totp.ts'
export { makeDevUsers, type DevClient, type DevUser, type DevUsers } from './dev-users.ts'
export { ensureDevUsers, readDevUsers } from './dev-users-file.ts'
export * from './start-identity.ts'
