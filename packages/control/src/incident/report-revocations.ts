import { controlActions } from '@pop-api/audit'
import {
  identifyRevocation,
  isJsonObject,
  isRevocationFacts,
  lastingUntil,
  PopError,
  reachSeconds,
  shareOf,
  type BulletinPosition,
  type RevocationAccount,
  type RevocationFacts,
} from '@pop-api/protocol'
import type { Publisher } from '../bulletin/bulletin.ts'
import type { ControlLog } from '../record/control-log.ts'
import type { Store } from '../store/store.ts'
import { createTurns } from '../turns.ts'
import { countOf, countRevocations, isLive, putRevocation, roomOf } from './revocation-desk.ts'

/** What reports of gateways work with. */
export interface ReportContext {
  readonly store: Store
  readonly publisher: Publisher
  readonly log: ControlLog
  readonly nowMs: () => number
}

/** What a gateway is told: what control has taken over, and the position of its view from which on everybody is told. */
interface TakenReport {
  readonly accepted: readonly string[]
  readonly position: BulletinPosition
}

/** How many one report may hold. */
const reportedMax = 200
/** How many single tokens, and how many sessions, of one holder may be live. */
const shareMax = 500
/** How far the clock of a gateway may be off. */
const skewSeconds = 60

type Reported = RevocationFacts & { readonly account: RevocationAccount }

export type TakeReport = (gateway: string, body: unknown) => Promise<TakenReport>

/** Takes one report after another: between its count and what it puts in force another would count the same room once more. */
export function openReports(context: ReportContext): TakeReport {
  const inTurn = createTurns(reportsBusy)
  return (gateway, body) => inTurn(() => takeReport(context, gateway, body))
}

function reportsBusy(): PopError {
  return new PopError('control-unavailable', 'Other reports of revocations are still being taken: send it again.')
}

/**
 * `POST /incidents/revocations`: takes over what a gateway's own endpoints revoked. The same once more changes nothing, so whoever
 * got no answer asks again. As many as there is room for, in their order, and no more of one holder than he may have
 * (`shareOf`); each is recorded before it is answered. Throws `body-invalid`, `audit-unavailable`. Untrusted input.
 */
async function takeReport(context: ReportContext, gateway: string, body: unknown): Promise<TakenReport> {
  const { store, publisher, log, nowMs } = context
  const reported = readReport(body, Math.floor(nowMs() / 1000))
  const room = roomOf('gateway') - countRevocations(store)
  const accepted: string[] = []
  const added: Reported[] = []
  const taken: Reported[] = []
  const counts = new Map<string, number>()
  for (const facts of reported) {
    const { id } = identifyRevocation(facts)
    if (!isLive(store, id) && !accepted.includes(id)) {
      const share = shareOf(facts)
      const ofHolder = share === undefined ? 0 : (counts.get(share) ?? countOf(store, facts))
      if (ofHolder >= shareMax || added.length >= room) continue
      if (share !== undefined) counts.set(share, ofHolder + 1)
      added.push(facts)
    }
    accepted.push(id)
    taken.push(facts)
  }
  // Before it is put in force: what a crash leaves between the two, the gateway says again.
  await Promise.all(added.map((facts) => log.record(eventOf(facts, gateway), 'nothing')))
  publisher.change(() => {
    for (const facts of taken) putRevocation(store, facts, 'gateway')
  })
  return { accepted, position: publisher.position('gateways') }
}

function eventOf({ kind, value, account }: Reported, gateway: string) {
  const status = 'success' as const
  const reason = `${account.reason}; said by ${account.by}`
  return { action: controlActions.revocation, user: gateway, resource_id: `${kind} ${value}`, status, reason }
}

function readReport(body: unknown, nowSeconds: number): readonly Reported[] {
  const { revocations, ...rest } = isJsonObject(body) ? body : {}
  if (!Array.isArray(revocations) || revocations.length > reportedMax || Object.keys(rest).length > 0)
    throw new PopError('body-invalid', `Send revocations, a list of at most ${reportedMax}, and nothing else.`)
  return revocations.map((facts: unknown, at) => {
    if (isReported(facts, nowSeconds)) return facts
    throw new PopError('body-invalid', `/revocations/${at}: expected a revocation of an endpoint, with its account.`)
  })
}

/** What endpoints of a gateway can revoke, and no further: a gateway that was taken over must not lock everybody out for ever. */
function isReported(facts: unknown, nowSeconds: number): facts is Reported {
  if (!isRevocationFacts(facts) || facts.account === undefined) return false
  const { kind, until } = facts
  if (kind === 'kid' || kind === 'client' || until > lastingUntil(kind, nowSeconds) + skewSeconds) return false
  return !('issued_until' in facts) || facts.issued_until <= nowSeconds + reachSeconds + skewSeconds
}
