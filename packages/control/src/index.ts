export { startControl, type ControlHandle, type ControlOptions, type Listen } from './start-control.ts'
export type { CertificateLives } from './enrolment/context.ts'
export type { PublicNames } from './authority/certificate.ts'
export type { TokenRequest } from './enrolment/tokens.ts'
