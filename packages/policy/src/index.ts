export * from './policy.ts'
export * from './defaults.ts'
