import type { Interaction, Provider } from 'oidc-provider'
import { realmPath } from '../provider/endpoints.ts'
import type { FormFacts } from '../pages/sign-in-page.ts'
import { formToken } from './form-token.ts'

/** What the pages of a sign-in need to know of it. `endpoint`: where the form goes, below the realm. */
export async function interactionFacts(
  provider: Provider,
  interaction: Interaction,
  endpoint: string,
): Promise<FormFacts> {
  const { client_id: clientId = '', redirect_uri: redirectUri } = interaction.params
  const client = await provider.Client.find(clientId)
  return {
    action: realmPath + endpoint,
    csrf: formToken(interaction),
    application: client?.clientName ?? clientId,
    // It was compared with those of the client before the sign-in began.
    formTargets: redirectUri === undefined ? [] : [new URL(redirectUri).origin],
  }
}
