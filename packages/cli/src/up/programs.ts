import { fileURLToPath } from 'node:url'

/** The modules of a run: each is a process that has its manifest's name, and a listener of that name. */
export const moduleNames = ['kafka_service', 's3_service'] as const

export type ModuleName = (typeof moduleNames)[number]

/** The processes of a run in the order of their start; they are stopped in the reverse one. */
export const startOrder = ['control', 'identity', ...moduleNames, 'gateway'] as const

export type ProgramName = (typeof startOrder)[number]

/** The listeners of all processes, in the order in which `--port-base` counts. */
export const listeners = [
  { name: 'gateway', program: 'gateway', usualPort: 8443 },
  { name: 'operations', program: 'gateway', usualPort: 9443 },
  { name: 'control', program: 'control', usualPort: 7443 },
  { name: 'admin', program: 'control', usualPort: 7445 },
  { name: 'identity', program: 'identity', usualPort: 8444 },
  { name: 'kafka_service', program: 'kafka_service', usualPort: 7101 },
  { name: 's3_service', program: 's3_service', usualPort: 7102 },
  // Last, for it is there only where the settings want it (`listeners.gateway_mtls`).
  { name: 'gatewayMtls', program: 'gateway', usualPort: 8446 },
] as const satisfies readonly { name: string; program: ProgramName; usualPort: number }[]

export type ListenerName = (typeof listeners)[number]['name']

/** Programs that a command runs once. */
type SideProgram = 'make-dev-users' | 'realm'

const paths: Readonly<Record<ProgramName | SideProgram, string>> = {
  control: 'packages/control/bin/control.ts',
  identity: 'packages/identity/bin/identity.ts',
  kafka_service: 'modules/kafka-service/bin/kafka-service.ts',
  s3_service: 'modules/s3-service/bin/s3-service.ts',
  gateway: 'packages/gateway/bin/gateway.ts',
  'make-dev-users': 'packages/identity/bin/make-dev-users.ts',
  realm: 'packages/identity/bin/realm.ts',
}

/** Whether a process is a module. */
export function isModule(name: ProgramName): name is ModuleName {
  return (moduleNames as readonly string[]).includes(name)
}

/** Absolute path of a program in this checkout. The supervisor starts programs and imports none of them. */
export function programPath(name: ProgramName | SideProgram): string {
  return fileURLToPath(new URL(`../../../../${paths[name]}`, import.meta.url))
}
