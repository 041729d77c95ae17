import { isTextList, type JsonObject } from '@pop-api/protocol'
import { CommandFailure, exitCodes } from '../command-failure.ts'
import { documentOf, readBody, refusal } from './answer.ts'
import { exchange } from './exchange.ts'
import type { Gateway } from './gateway.ts'

/** What a sign-in in a browser needs to know of the identity provider of a gateway. */
export interface IdentityProvider {
  /** Exactly as it calls itself. */
  readonly issuer: string
  readonly authorizationEndpoint: URL
  /** Every answer of its authorization endpoint names it (RFC 9207). */
  readonly namesItself: boolean
}

const documentBytesMax = 256 * 1024

/**
 * Finds the provider from which a gateway takes tokens: the gateway names it (RFC 9728), and its own document, from a server with
 * a certificate that is trusted as the gateway's is, must name it the same way (OpenID Connect Discovery 1.0 section 4.3). Throws
 * a CommandFailure: refused for documents that do not say what they must, unreachable.
 */
export async function findIdentityProvider(gateway: Gateway): Promise<IdentityProvider> {
  const resource = await fetchDocument(gateway, '/.well-known/oauth-protected-resource')
  const servers = resource['authorization_servers']
  const issuer = isTextList(servers, 8, 1024) ? servers[0] : undefined
  const place = issuer === undefined ? undefined : originOf(issuer)
  if (issuer === undefined || place === undefined) {
    throw unusable(gateway.origin, `authorization_servers with an https address, found ${JSON.stringify(servers)}`)
  }
  const roots = [...gateway.roots, ...gateway.issuerRoots]
  const provider = { ...gateway, name: 'the identity provider', origin: place.origin, roots }
  const path = `${place.pathname.replace(/\/$/, '')}/.well-known/openid-configuration`
  const document = await fetchDocument(provider, path)
  if (document['issuer'] !== issuer) {
    throw unusable(place.origin, `the issuer ${issuer}, found ${JSON.stringify(document['issuer'])}`)
  }
  const methods = document['code_challenge_methods_supported']
  if (!isTextList(methods, 16, 64) || !methods.includes('S256')) {
    throw unusable(place.origin, `PKCE with S256, found ${JSON.stringify(methods)}`)
  }
  const endpoint = document['authorization_endpoint']
  const authorizationEndpoint = typeof endpoint === 'string' ? originOf(endpoint) : undefined
  if (authorizationEndpoint === undefined) {
    throw unusable(place.origin, `an authorization_endpoint with an https address, found ${JSON.stringify(endpoint)}`)
  }
  const namesItself = document['authorization_response_iss_parameter_supported'] === true
  return { issuer, authorizationEndpoint, namesItself }
}

/** An https address without user, query and fragment; undefined for anything else. Untrusted. */
function originOf(text: string): URL | undefined {
  const url = URL.parse(text)
  const isUsable = url !== null && url.protocol === 'https:' && url.username === '' && url.password === ''
  return isUsable && url.search === '' && url.hash === '' ? url : undefined
}

async function fetchDocument(server: Gateway, path: string): Promise<JsonObject> {
  using answer = await exchange(server, { method: 'GET', path, headers: { accept: 'application/json' } })
  const body = await readBody(answer, server, documentBytesMax)
  if (answer.status !== 200) throw refusal(answer, body)
  const document = documentOf(body)
  if (document === undefined) throw unusable(server.origin, 'a JSON object')
  return document
}

function unusable(origin: string, expected: string): CommandFailure {
  const next = 'Sign in with a password, or ask whoever runs it'
  return new CommandFailure(
    exitCodes.refused,
    `${origin} cannot be signed in at with a browser: expected ${expected}. ${next}`,
  )
}
