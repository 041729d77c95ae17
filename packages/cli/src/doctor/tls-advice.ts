/** What to do about each fault of a TLS listener: one of ours is mended otherwise than a provider of somebody else's. */
export interface TlsAdvice {
  readonly away: string
  readonly ended: string
  readonly unverified: string
  readonly older: string
  /** That it takes TLS 1.2 as well; beside a TLS 1.3 that we speak with it. */
  readonly olderIs: 'fail' | 'warn'
  readonly group: string
}

const later = 'What is recorded today could be read with a quantum computer later'

/** For a listener of this home; `process` has its log. */
export function adviceOfHome(process: string): TlsAdvice {
  const restart =
    'Renewal is by itself while control runs: see `pop logs control`, then restart with `pop down` and `pop up`'
  return {
    away: `Is it up? See: pop logs ${process}`,
    ended: restart,
    unverified: 'Is this the listener of this home? Its CA is ca.pem; after `pop reset` clients need the new one',
    older: 'Only TLS 1.3 is served here: is something else in front of it?',
    olderIs: 'fail',
    group: `${later}. Use a client and a server with X25519MLKEM768`,
  }
}

/** For a provider that is no process of the run, such as your own Keycloak. */
export const adviceOfProvider: TlsAdvice = {
  away: 'Is the provider up, and does it speak TLS 1.3? The gateway speaks nothing older with it',
  ended: 'Renew the certificate of the provider',
  unverified: 'No token can be verified until it does: name the CA of the provider with identity.ca in pop.yaml',
  older: 'The gateway speaks 1.3 with it; for everybody else start Keycloak with --https-protocols=TLSv1.3',
  olderIs: 'warn',
  group: `${later}. A proxy in front of it may have X25519MLKEM768 where its Java has not`,
}
