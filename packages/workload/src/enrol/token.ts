/** A one-time token: 256 random bits, and the root that signs admin's certificate, so that its holder knows whom to tell it. */
export interface EnrolmentToken {
  /** base64url of 32 bytes. */
  readonly secret: string
  /** Lower-case hex (`spkiSha256Of` of the keyring). */
  readonly rootSpkiSha256: string
}

const tokenShape = /^pop-enrol\.([A-Za-z0-9_-]{43})\.([0-9a-f]{64})$/

export function formatEnrolmentToken({ secret, rootSpkiSha256 }: EnrolmentToken): string {
  return `pop-enrol.${secret}.${rootSpkiSha256}`
}

/** Undefined for anything else. It says nothing on whether the token is known. Untrusted input. */
export function parseEnrolmentToken(text: string): EnrolmentToken | undefined {
  const [, secret, rootSpkiSha256] = tokenShape.exec(text) ?? []
  return secret === undefined || rootSpkiSha256 === undefined ? undefined : { secret, rootSpkiSha256 }
}
