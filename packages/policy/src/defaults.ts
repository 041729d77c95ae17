/** The grants in force when `pop.yaml` has none: which role carries which module permission beside those in the token. */
export const defaultGrants = {
  admin: [
    'kafka.create',
    'kafka.delete',
    'kafka.modify',
    'kafka.produce',
    'kafka.consume',
    's3.upload',
    's3.download',
    's3.delete',
  ],
  user: ['kafka.create', 'kafka.modify', 'kafka.produce', 'kafka.consume', 's3.upload', 's3.download'],
  reader: ['kafka.consume', 's3.download'],
} as const satisfies Record<string, readonly string[]>
