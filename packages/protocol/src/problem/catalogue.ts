/** One refusal that may cross a wire: its HTTP status, its title, and what the reader can do about it. */
export interface ProblemKind {
  readonly status: number
  readonly title: string
  readonly advice: string
}

/**
 * Every problem code of the wire (RFC 9457). A code is never renamed and never reused; `docs/reference/problems.md` is
 * generated from here. Codes that begin with `seal-` are spoken between workloads only and never reach a client.
 */
export const problemCatalogue = {
  // receive
  'malformed-request': {
    status: 400,
    title: 'The request is not valid HTTP/1.1',
    advice: 'Send a well-formed HTTP/1.1 request.',
  },
  'ambiguous-target': {
    status: 400,
    title: 'The request target can be read in more than one way',
    advice: 'Send an origin-form path without encoded separators, dot segments, empty segments or parameters.',
  },
  'ambiguous-header': {
    status: 400,
    title: 'A header field can be read in more than one way',
    advice: 'Send each singleton field once, with a name of letters, digits and hyphens.',
  },
  'ambiguous-framing': {
    status: 400,
    title: 'The length of the request can be read in more than one way',
    advice: 'Frame the body by one Content-Length or by exactly `Transfer-Encoding: chunked`.',
  },
  'ambiguous-credentials': {
    status: 400,
    title: 'More than one credential was sent',
    advice: 'Send one of Authorization, X-API-Key or a session cookie.',
  },
  'certificate-refused': {
    status: 400,
    title: 'The client does not trust the certificate of this address',
    advice: 'Nobody receives this: it stands in logs. Give the client the CA of the certificate.',
  },
  'handshake-failed': {
    status: 400,
    title: 'No TLS connection came about',
    advice: 'Nobody receives this: it stands in logs. Speak TLS 1.3 to this address, and not HTTP without it.',
  },
  'upgrade-refused': { status: 400, title: 'Protocol upgrades are not served', advice: 'Speak plain HTTP/1.1.' },
  'expectation-failed': {
    status: 417,
    title: 'The expectation cannot be met',
    advice: 'Send no Expect field, or `100-continue`.',
  },
  'request-timeout': {
    status: 408,
    title: 'The request did not arrive in time',
    advice: 'Send the whole request without long pauses.',
  },
  'body-too-large': { status: 413, title: 'The request body is too large', advice: 'Send a smaller body.' },
  'target-too-long': { status: 414, title: 'The request target is too long', advice: 'Shorten the path or the query.' },
  'headers-too-large': {
    status: 431,
    title: 'The header section is too large',
    advice: 'Send fewer or shorter header fields.',
  },
  'client-gone': {
    status: 499,
    title: 'The client closed the connection',
    advice: 'Nobody receives this: it stands in logs. Ask again, and stay until the end of the answer.',
  },
  // admit
  draining: {
    status: 503,
    title: 'This gateway is shutting down',
    advice: 'Try again at another gateway, or in a moment.',
  },
  'too-many-connections': {
    status: 429,
    title: 'Too many connections from this address',
    advice: 'Reuse connections, or wait.',
  },
  // route
  'no-such-operation': {
    status: 404,
    title: 'There is no such operation',
    advice: 'See GET /openapi.json or `pop operations`.',
  },
  'method-not-allowed': {
    status: 405,
    title: 'This method is not offered here',
    advice: 'Use one of the methods of the Allow field.',
  },
  // identify
  'credential-missing': {
    status: 401,
    title: 'A credential is required',
    advice: 'Send `Authorization: Bearer …`; get a token at POST /oauth/token.',
  },
  'credential-unsupported': {
    status: 401,
    title: 'This kind of credential is not accepted',
    advice: 'Send `Authorization: Bearer …`.',
  },
  'token-malformed': {
    status: 401,
    title: 'The access token is malformed',
    advice: 'Send the token exactly as it was issued.',
  },
  'token-invalid': { status: 401, title: 'The access token is not valid here', advice: 'Sign in again.' },
  'token-expired': { status: 401, title: 'The access token has expired', advice: 'Refresh it, or sign in again.' },
  'token-revoked': { status: 401, title: 'The access token has been revoked', advice: 'Sign in again.' },
  'test-token-refused': {
    status: 401,
    title: 'Test tokens are not taken here',
    advice: 'Sign in; only an environment with `allow_test_tokens: true` takes test tokens.',
  },
  'proof-missing': {
    status: 401,
    title: 'Nothing proves that the access token is yours',
    advice:
      'The token is bound to a key: send it as `Authorization: DPoP …` with a proof, or over the listener for client certificates with the certificate that it was issued to.',
  },
  'proof-invalid': {
    status: 401,
    title: 'The proof of possession is not valid for this request',
    advice: 'Make a new proof (RFC 9449) for each request: its method, its address, this token, the clock of now.',
  },
  'proof-unavailable': {
    status: 503,
    title: 'Whether the proof was used before cannot be known now',
    advice: 'Try again after Retry-After seconds, with a new proof.',
  },
  'identity-unavailable': {
    status: 503,
    title: 'The identity provider cannot be reached',
    advice: 'Try again after Retry-After seconds.',
  },
  // permit
  'second-factor-required': {
    status: 401,
    title: 'A second factor is required',
    advice: 'Sign in with your one-time code.',
  },
  'binding-required': {
    status: 401,
    title: 'This operation takes only a token that is bound to a key',
    advice: 'Get a token by DPoP (RFC 9449) or with a client certificate (RFC 8705) at the provider itself.',
  },
  'authentication-too-old': {
    status: 401,
    title: 'This operation needs a sign-in of late',
    advice: 'Sign in again: `max_age` says how many seconds ago you may have done so.',
  },
  'permission-denied': {
    status: 403,
    title: 'You may not do this',
    advice: 'Give the decision id to an operator: `pop explain ID` tells why.',
  },
  'users-not-managed': {
    status: 409,
    title: 'The users cannot be managed from here',
    advice: 'With Keycloak, run `pop realm apply`; those of the embedded identity provider stand in dev-users.json.',
  },
  'bulletin-stale': {
    status: 503,
    title: 'The gateway has lost its control plane',
    advice: 'Reads go on; try changes again later.',
  },
  'control-unavailable': {
    status: 503,
    title: 'The control plane cannot be asked now',
    advice: 'Nothing was changed unless `outcome` says otherwise; try again once control is back.',
  },
  'incidents-full': {
    status: 503,
    title: 'There is no room for one more revocation',
    advice:
      'Take back what is not needed any more, or revoke by user or client, which covers all of their tokens at once.',
  },
  'revocation-unavailable': {
    status: 503,
    title: 'The revocation cannot be kept now',
    advice: 'Ask again: until it is answered it may be forgotten at the next start.',
  },
  'test-tokens-not-allowed': {
    status: 403,
    title: 'This environment has no test tokens',
    advice:
      'Sign in as a user; `allow_test_tokens` of the environment in force decides, and production never has them.',
  },
  // limit
  'rate-limited': { status: 429, title: 'Too many requests', advice: 'Wait for Retry-After seconds.' },
  // validate
  'parameter-invalid': {
    status: 400,
    title: 'A parameter is not valid',
    advice: 'Compare with the operation in GET /openapi.json.',
  },
  'body-malformed': {
    status: 400,
    title: 'The body cannot be parsed',
    advice: 'Send one JSON value without duplicate members, and numbers beyond ±(2^53 − 1) as text.',
  },
  'media-type-unsupported': {
    status: 415,
    title: 'This media type is not accepted',
    advice: 'Send one of the media types of the operation.',
  },
  'body-invalid': {
    status: 422,
    title: 'The body does not match the schema of the operation',
    advice: 'See the member `errors`.',
  },
  // forward
  'answer-unverified': {
    status: 502,
    title: 'The module did not answer in a way that can be trusted',
    advice: 'An operator has been told; give them the request id.',
  },
  'module-unavailable': {
    status: 503,
    title: 'The module cannot be reached',
    advice: 'Try again after Retry-After seconds.',
  },
  'module-timeout': {
    status: 504,
    title: 'The module did not answer in time',
    advice: 'The outcome is unknown: read before you try again.',
  },
  // record and everything else
  'audit-unavailable': {
    status: 503,
    title: 'The request could not be recorded',
    advice: 'Nothing was done unless `outcome` says otherwise; try again later.',
  },
  internal: { status: 500, title: 'Something went wrong inside', advice: 'Give the request id to an operator.' },
  // oauth
  'sign-in-refused': {
    status: 400,
    title: 'Sign-in was refused',
    advice:
      'Check user name, password and one-time code; a code is good for one sign-in, and an account rests after too many tries.',
  },
  'client-refused': {
    status: 401,
    title: 'The client could not be authenticated',
    advice: 'Check client id and secret.',
  },
  'oauth-request-invalid': {
    status: 400,
    title: 'The OAuth request is not valid',
    advice: 'Send a form with grant_type and its parameters, each once.',
  },
  'grant-unsupported': {
    status: 400,
    title: 'This grant type is not offered',
    advice:
      'Use authorization_code, a device code, password (where the settings allow it), client_credentials, refresh_token or, as a service, token exchange; the client must be one that may.',
  },
  'authorization-pending': {
    status: 400,
    title: 'Nobody has signed in for this device yet',
    advice: 'Ask again after `interval` seconds.',
  },
  'polling-too-fast': {
    status: 400,
    title: 'The device asks too often',
    advice: 'Wait five seconds more between two questions, from now on.',
  },
  'sign-in-cancelled': {
    status: 400,
    title: 'The sign-in was refused by its person',
    advice: 'Begin again if that was a mistake.',
  },
  'device-code-expired': {
    status: 400,
    title: 'The device code has expired',
    advice: 'Begin again at POST /oauth/device_authorization.',
  },
  // modules
  'resource-not-found': {
    status: 404,
    title: 'There is no such resource',
    advice: 'Check its name, and whether it is yours.',
  },
  'resource-exists': { status: 409, title: 'There is such a resource already', advice: 'Choose another name.' },
  conflict: {
    status: 409,
    title: 'The request conflicts with the present state',
    advice: 'Read the resource and try again.',
  },
  'precondition-failed': {
    status: 412,
    title: 'The resource is not the one that the precondition names',
    advice: 'Read it again, look at what changed, and send the ETag of now.',
  },
  'record-too-large': { status: 413, title: 'A record is too large', advice: 'Send values of at most 128 KiB.' },
  'range-not-satisfiable': {
    status: 416,
    title: 'The object has no such bytes',
    advice: 'The answer’s Content-Range says how many it has.',
  },
  'quota-exceeded': {
    status: 403,
    title: 'The owner’s quota is used up',
    advice: 'Delete objects, or ask an operator for more.',
  },
  'storage-full': {
    status: 507,
    title: 'There is no room left',
    advice: 'Nothing was lost and nothing was kept; try again once an operator has made room.',
  },
  'object-damaged': {
    status: 500,
    title: 'The stored object does not verify',
    advice: 'Its file was changed at rest: give the request id to an operator, and restore it from a backup.',
  },
  // the seal, between workloads only
  'seal-malformed': {
    status: 400,
    title: 'The seal cannot be parsed',
    advice: '`vectors/seal.json` has messages that are right, and how they come about.',
  },
  'seal-missing': { status: 400, title: 'The message is not sealed', advice: 'Only a gateway may call a module.' },
  'seal-uncovered': {
    status: 400,
    title: 'A component is not covered by the seal',
    advice: 'Cover every component of the profile and every field that crosses.',
  },
  'seal-invalid': {
    status: 400,
    title: 'The signature does not verify',
    advice: 'Sign with the key of the workload identity token.',
  },
  'seal-expired': { status: 400, title: 'The seal is outside its time', advice: 'Check the clocks of both sides.' },
  'seal-replayed': { status: 400, title: 'The nonce was seen before', advice: 'Seal each message anew.' },
  'seal-audience': {
    status: 400,
    title: 'The seal is for another instance',
    advice: 'Seal for the instance that is dialled.',
  },
  'seal-identity': {
    status: 400,
    title: 'Certificate, workload token and transaction token name different workloads',
    advice: 'One identity per message.',
  },
  'seal-body': {
    status: 400,
    title: 'The body is not the one that was sealed',
    advice: 'Send the digest of exactly the bytes that follow.',
  },
  'seal-wit': {
    status: 400,
    title: 'The workload identity token is not valid',
    advice: 'Renew the workload identity.',
  },
  'seal-txn': {
    status: 400,
    title: 'The transaction token is not valid for this request',
    advice: 'Mint a token for this module, operation and target.',
  },
  'seal-full': { status: 503, title: 'The replay store is full', advice: 'Try again in a moment.' },
  'retry-seal': {
    status: 400,
    title: 'The module has restarted since the message was sealed',
    advice: 'Seal anew with the boot value of the member `boot`.',
  },
  // enrolment and control
  'enrolment-refused': { status: 403, title: 'Enrolment was refused', advice: 'Ask for a new enrolment token.' },
  'workload-refused': {
    status: 403,
    title: 'This workload may not do that',
    advice: 'Check its certificate and API key.',
  },
  'manifest-invalid': { status: 422, title: 'The manifest is not valid', advice: 'See `detail`.' },
} as const satisfies Record<string, ProblemKind>

export type ProblemCode = keyof typeof problemCatalogue

/** True for a text that is one of our codes: what a peer sends is not believed before this. */
export function isProblemCode(text: unknown): text is ProblemCode {
  return typeof text === 'string' && Object.hasOwn(problemCatalogue, text)
}
