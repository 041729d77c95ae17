import {
  isCount,
  isPlainText,
  isTextList,
  lastingUntil,
  type JsonObject,
  type RevocationFacts,
} from '@pop-api/protocol'
import type { Answer } from '../../answer.ts'
import type { OpenOperation, OpenRequest } from '../operation.ts'
import { untilTokensEnd } from './end-session.ts'
import { badMessage, verifyMessage, type ProviderMessages } from './provider-message.ts'

/** An order of Keycloak's administration is good for thirty seconds. */
const lifeSecondsMax = 120
const skewSeconds = 5
/** What every token of a sign-in has, and no such order: neither can be taken for the other. */
const claimsOfTokens = ['iss', 'sub', 'aud', 'exp', 'typ', 'events'] as const

type ProviderRules = ReturnType<ProviderMessages['authenticator']['rules']>

interface Order {
  readonly path: string
  readonly summary: string
  /** The word of the audit event. */
  readonly action: string
  /** The member `action` of the order, as Keycloak writes it. */
  readonly verb: string
  readonly factsOf: (claims: JsonObject, at: number, rules: ProviderRules) => readonly RevocationFacts[]
}

const orders: readonly Order[] = [
  {
    path: '/oauth/keycloak/k_push_not_before',
    summary: 'Keycloak: what was issued before a moment is over',
    action: 'not_before_push',
    verb: 'PUSH_NOT_BEFORE',
    factsOf: ({ notBefore }, at, { issuer }) => {
      const moment = momentOf(notBefore, at)
      // Zero is how Keycloak says that there is none: what was revoked before stays so.
      return moment === 0 ? [] : [everything(issuer, moment - 1, at)]
    },
  },
  {
    path: '/oauth/keycloak/k_logout',
    summary: 'Keycloak: sessions have ended, or all of them',
    action: 'provider_logout',
    verb: 'LOGOUT',
    factsOf: ({ notBefore, keycloakSessionIds, adapterSessionIds }, at, rules) => {
      const { issuer } = rules
      const ids = keycloakSessionIds ?? undefined
      if (ids === undefined && isEmpty(adapterSessionIds)) {
        const moment = notBefore === undefined || notBefore === 0 ? at : momentOf(notBefore, at)
        return [everything(issuer, moment, at)]
      }
      if (!isTextList(ids, sessionsMax, 128))
        throw badMessage('The order must name its sessions by keycloakSessionIds.')
      const account = { reason: 'signed out at the provider', by: issuer, at }
      return ids.map((value) => ({ kind: 'sid', value, until: untilTokensEnd(at, rules), account }))
    },
  },
]

const sessionsMax = 500

/** What Keycloak posts to the `adminUrl` of a client, which is `https://GATEWAY/oauth/keycloak`: a JWS of the realm, as plain text. */
export function keycloakOperations(messages: ProviderMessages): readonly OpenOperation[] {
  return orders.map((order) => ({
    kind: 'open',
    method: 'POST',
    path: order.path,
    summary: order.summary,
    action: order.action,
    ofProvider: true,
    serve: (request) => obey(order, request, messages),
  }))
}

/** 204 once what it revokes is on the disk and queued for control. */
async function obey(order: Order, { body, notes }: OpenRequest, messages: ProviderMessages): Promise<Answer> {
  const { claims } = await verifyMessage(body.toString('latin1'), messages, { types: ['JWT'] })
  const { authenticator, provider, revocations } = messages
  const at = Math.floor(authenticator.nowMs() / 1000)
  const { id, expiration, action, resource } = claims
  if (claimsOfTokens.some((name) => Object.hasOwn(claims, name))) throw badMessage('This is a token, and no order.')
  if (action !== order.verb) throw badMessage(`The action of the order must be ${order.verb}.`)
  if (resource !== provider().clientId) throw badMessage('The order is for another client.')
  if (!isPlainText(id, 128)) throw badMessage('The order must have an id.')
  if (!isCount(expiration) || expiration <= at || expiration > at + lifeSecondsMax)
    throw badMessage('The order has expired, or lasts too long.')
  notes.account = resource
  const facts = order.factsOf(claims, at, authenticator.rules())
  const outcome = await revocations.add(facts, { id: `order ${id}`, until: expiration })
  if (outcome === 'used') throw badMessage('An order works once: this id was used before.')
  return { status: 204, fields: [], body: Buffer.alloc(0) }
}

/** A moment that lies ahead would lock out who has not even signed in. */
function momentOf(notBefore: unknown, at: number): number {
  if (isCount(notBefore) && notBefore <= at + skewSeconds) return notBefore
  throw badMessage('The order must have notBefore, in seconds since 1970, and not ahead of the clock.')
}

/** Every token of the provider that was issued up to a moment. */
function everything(issuer: string, issuedUntil: number, at: number): RevocationFacts {
  const account = { reason: 'ended for everybody at the provider', by: issuer, at }
  return { kind: 'issuer', value: issuer, issued_until: issuedUntil, until: lastingUntil('issuer', at), account }
}

function isEmpty(list: unknown): boolean {
  return list === undefined || list === null || (Array.isArray(list) && list.length === 0)
}
