import {
  indexRevocations,
  marksOfTxn,
  PopError,
  type IncidentsSection,
  type RevocationIndex,
  type TxnClaims,
} from '@pop-api/protocol'

/** A request that is being worked on. */
export interface Flow {
  readonly isCut: () => boolean
  /** Nothing of it is to come. */
  readonly end: () => void
}

/** Callers whose tokens were revoked, as the bulletin says, and the requests that are under way for whom. */
export interface RevokedCallers {
  readonly isRevoked: (txn: TxnClaims) => boolean
  /** Notes a request, and how it can be cut once its caller is revoked. */
  readonly begin: (txn: TxnClaims, cut: () => void) => Flow
  /** Puts a section in force, and cuts a moment later whom it covers. */
  readonly apply: (section: IncidentsSection | undefined) => void
}

/**
 * The gateway hears of it at the same time, cuts its side, and its log says why. A module that was quicker would look as if it had
 * failed; it cuts what is left, where a gateway is behind.
 */
const graceMsUnlessTold = 500

/** Makes it; nobody is revoked yet. */
export function watchRevoked(nowMs: () => number, graceMs: number = graceMsUnlessTold): RevokedCallers {
  const flows = new Set<{ readonly txn: TxnClaims; readonly cut: () => void; wasCut: boolean }>()
  let index: RevocationIndex = indexRevocations([])
  const isRevoked = (txn: TxnClaims): boolean =>
    !index.isEmpty() && index.covers(marksOfTxn(txn), Math.floor(nowMs() / 1000))
  return {
    isRevoked,
    begin: (txn, cut) => {
      const flow = { txn, cut, wasCut: false }
      flows.add(flow)
      return { isCut: () => flow.wasCut, end: () => void flows.delete(flow) }
    },
    apply: (section) => {
      index = indexRevocations(section?.revocations ?? [])
      if ([...flows].some(({ txn }) => isRevoked(txn))) setTimeout(cutRevoked, graceMs).unref()
    },
  }

  function cutRevoked(): void {
    for (const flow of flows) {
      if (flow.wasCut || !isRevoked(flow.txn)) continue
      flow.wasCut = true
      flow.cut()
    }
  }
}

/** The refusal of a caller who is revoked, before anything was begun or while it is under way. */
export function tokenRevoked(): PopError {
  return new PopError('token-revoked', 'The token of the caller has been revoked.')
}
