/** Where a realm of Keycloak is. */
export interface RealmPlace {
  /** `https://host[:port][/path]` of the server. */
  readonly server: string
  readonly realm: string
}

/** Takes an issuer apart, as Keycloak spells them: no slash, query or escape at the end. Undefined for any other. */
export function realmPlaceOf(issuer: string): RealmPlace | undefined {
  const [, server, realm] = /^(https:\/\/[^?#@]*[^?#@/])\/realms\/([A-Za-z0-9_.-]+)$/.exec(issuer) ?? []
  return server === undefined || realm === undefined ? undefined : { server, realm }
}
