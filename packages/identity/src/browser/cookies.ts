import type { Configuration } from 'oidc-provider'

const attributes = { httpOnly: true, path: '/', sameSite: 'strict', secure: true } as const

/**
 * The cookies of the pages. `__Host-` binds a cookie to this very host, so that no neighbour can plant one; the third has a path
 * of its own, which that prefix does not allow. None goes out with a request that another site has made.
 */
export const cookies: Configuration['cookies'] = {
  names: { session: '__Host-pop-provider', interaction: '__Host-pop-sign-in', resume: '__Secure-pop-resume' },
  long: attributes,
  short: attributes,
}
