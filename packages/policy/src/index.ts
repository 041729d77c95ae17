export * from './policy.ts'
export * from './defaults.ts'
export * from './standings.ts'
