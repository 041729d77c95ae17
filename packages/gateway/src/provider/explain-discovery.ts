import { ClientError } from 'openid-client'
import { isJsonObject } from '@pop-api/protocol'

/**
 * What a failed discovery means to the operator, in the log: that there is no such realm, or that the provider spells its issuer
 * otherwise (OpenID Connect Discovery 1.0 section 4.3). Any other failure as it is.
 */
export function explainDiscovery(error: unknown, issuer: string): unknown {
  if (!(error instanceof ClientError)) return error
  const cause: unknown = error.cause
  if (error.code === 'OAUTH_JSON_ATTRIBUTE_COMPARISON_FAILED') {
    const body: unknown = Reflect.get(Object(cause), 'body')
    const named = isJsonObject(body) ? JSON.stringify(body['issuer']) : 'otherwise'
    const why = `The identity provider calls itself ${named}, and identity.issuer says ${issuer}: they must be the same.`
    return new Error(why, { cause: error })
  }
  if (Reflect.get(Object(cause), 'status') !== 404) return error
  const why = `There is no realm at ${issuer}: run \`pop realm apply\`, or set identity.issuer to one that is there.`
  return new Error(why, { cause: error })
}
