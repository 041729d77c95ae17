import { hash, randomBytes } from 'node:crypto'
import { isCount, isPlainText } from '@pop-api/protocol'
import { CommandFailure, exitCodes } from '../command-failure.ts'
import { documentOf } from './answer.ts'
import type { Gateway } from './gateway.ts'
import { publicClientId, publicClientScope } from './public-client.ts'
import { post } from './token-endpoint.ts'

/** A sign-in that a person does elsewhere (RFC 8628 section 3.2). */
export interface DeviceAuthorization {
  readonly deviceCode: string
  /** Proves that whoever asks for the token has begun (RFC 7636). */
  readonly verifier: string
  readonly userCode: string
  readonly verificationUri: string
  /** The same with the code in it. */
  readonly verificationUriComplete: string | undefined
  readonly expiresInMs: number
  readonly intervalMs: number
}

/** Begins one at a gateway. Throws like `requestToken`. */
export async function authorizeDevice(gateway: Gateway): Promise<DeviceAuthorization> {
  const verifier = randomBytes(32).toString('base64url')
  const code_challenge = hash('sha256', verifier, 'base64url')
  const challenge = { code_challenge, code_challenge_method: 'S256' }
  const form = { client_id: publicClientId, scope: publicClientScope, ...challenge }
  const document = documentOf(await post(gateway, '/oauth/device_authorization', form)) ?? {}
  const { device_code: deviceCode, user_code: userCode, expires_in: expiresIn, interval = 5 } = document
  const { verification_uri: uri, verification_uri_complete: complete } = document
  const isUsable = isPlainText(deviceCode, 2048) && isPlainText(userCode, 64) && isPage(uri)
  if (!isUsable || !isCount(expiresIn) || !isCount(interval)) {
    const message = `${gateway.origin} answered /oauth/device_authorization in another shape than RFC 8628`
    throw new CommandFailure(exitCodes.refused, message)
  }
  return {
    deviceCode,
    verifier,
    userCode,
    verificationUri: uri,
    verificationUriComplete: isPage(complete) ? complete : undefined,
    expiresInMs: expiresIn * 1000,
    intervalMs: Math.max(1, interval) * 1000,
  }
}

function isPage(value: unknown): value is string {
  return isPlainText(value, 2048) && URL.parse(value)?.protocol === 'https:'
}
