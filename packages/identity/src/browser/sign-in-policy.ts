import { errors, interactionPolicy, type Configuration } from 'oidc-provider'
import { refuseUnknownScope } from '../provider/begin-grant.ts'

/**
 * When somebody has to sign in at the pages: each time. Our only client for browsers is the command line, a native one, and a
 * request in its name proves nothing about who made it: RFC 8252 section 8.6 lets none go through without the person. What it
 * asks for is looked at here too.
 */
export function signInPolicy(): Configuration['interactions']['policy'] {
  const fresh = new interactionPolicy.Check(
    'fresh_sign_in',
    'the user has to sign in',
    'login_required',
    ({ oidc }) => {
      const { scope } = oidc.params
      // Before anybody has signed in for nothing.
      if (scope === undefined) throw new errors.InvalidScope('the scope is missing: ask for openid', '')
      refuseUnknownScope(scope)
      return oidc.result === undefined || !('login' in oidc.result)
    },
  )
  return [new interactionPolicy.Prompt({ name: 'login', requestable: true }, fresh)]
}
