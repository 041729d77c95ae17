import type { Answer } from '../../answer.ts'
import type { OpenOperation, OpenRequest } from '../operation.ts'
import { jsonAnswer } from '../serve.ts'
import { clientRefused, readClient } from './client.ts'
import { readForm } from './form.ts'
import type { SignInOptions } from './token.ts'

/** `POST /oauth/device_authorization` (RFC 8628 section 3.1): a code for a person to type at the provider's own page. */
export function deviceAuthorizationOperation(options: Pick<SignInOptions, 'provider'>): OpenOperation {
  return {
    kind: 'open',
    method: 'POST',
    path: '/oauth/device_authorization',
    summary: 'Begin a sign-in of a device without a browser',
    action: 'device_authorization',
    serve: (request) => authorizeDevice(request, options),
  }
}

async function authorizeDevice(request: OpenRequest, { provider }: Pick<SignInOptions, 'provider'>): Promise<Answer> {
  const form = readForm(request)
  const client = readClient(request.received.fields, form)
  if (client === undefined) throw clientRefused()
  request.notes.account = client.id
  // PKCE (RFC 7636) here too: Keycloak wants it of a client wherever it wants it of its codes.
  const passed = ['scope', 'code_challenge', 'code_challenge_method'].flatMap((name) => {
    const value = form.get(name)
    return value === undefined ? [] : [[name, value] as const]
  })
  const { deviceCode, userCode, verificationUri, verificationUriComplete, expiresIn, interval } =
    await provider().authorizeDevice(Object.fromEntries(passed), client)
  return jsonAnswer(
    200,
    {
      device_code: deviceCode,
      user_code: userCode,
      verification_uri: verificationUri,
      ...(verificationUriComplete === undefined ? {} : { verification_uri_complete: verificationUriComplete }),
      expires_in: expiresIn,
      interval,
    },
    ['pragma', 'no-cache'],
  )
}
