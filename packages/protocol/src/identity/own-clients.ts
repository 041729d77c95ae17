/** Ids that clients of ours have at every identity provider; the gateway's own stands in the settings. */
export const ownClients = {
  /** The command `pop`, public: people sign in with it. */
  commandLine: 'pop-cli',
  /** The console, public: people sign in with it. */
  console: 'pop-console',
  /** Control, with a secret: it manages users, and nobody signs in with it. */
  control: 'pop-control',
} as const

/** Whether a client is one that people sign in with here; the gateway's own is named. Untrusted input. */
export function isSignInClient(id: unknown, gatewayClientId: string): boolean {
  return id === gatewayClientId || id === ownClients.commandLine || id === ownClients.console
}
