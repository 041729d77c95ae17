import { ownClients } from '@pop-api/protocol'

/** The public client of the command line at the identity provider. */
export const publicClientId = ownClients.commandLine

/** What it asks for; providers give the rest with it. */
export const publicClientScope = 'openid'
