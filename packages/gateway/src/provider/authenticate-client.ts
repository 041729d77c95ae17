import { ClientSecretBasic, None, type ClientAuth } from 'openid-client'
import { assertionType, type ClientCredentials } from '../serve/oauth/client.ts'

/** How a client is shown to the provider: as it has shown itself to us. Its assertion is passed on as it came. */
export function authenticateAs(client: ClientCredentials): ClientAuth {
  if (client.kind === 'secret') return ClientSecretBasic(client.secret)
  if (client.kind === 'public') return None()
  return (_server, _client, body) => {
    body.set('client_id', client.id)
    body.set('client_assertion_type', assertionType)
    body.set('client_assertion', client.assertion)
  }
}
