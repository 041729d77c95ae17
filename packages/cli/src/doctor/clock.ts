import { ask } from './ask.ts'
import { fail, ok, skip, warn, type Finding } from './finding.ts'
import type { Patient } from './patient.ts'

/** Tokens and seals are refused beyond it. */
const skewMsMax = 5_000
const lateMs = 60_000
/** A gateway refuses changes once its bulletin is this old. */
const staleMs = 15 * 60_000

/** Whether the clocks of gateway and control agree with this one, and whether the gateway still hears control. */
export async function checkClocks({
  run,
  roots,
  remote,
  bulletin,
  nowMs,
}: Pick<Patient, 'run' | 'roots' | 'remote' | 'bulletin' | 'nowMs'>): Promise<readonly Finding[]> {
  if (remote !== undefined) return [await gatewayClock(new URL('/', remote.origin), remote.roots, nowMs)]
  if (run === undefined) return [skip('clocks', 'nothing runs on this home')]
  const ofGateway = await gatewayClock(new URL('/livez', run.operations), roots, nowMs)
  if (bulletin === undefined) {
    return [ofGateway, fail('clocks', 'the gateway keeps no bulletin that can be read', 'See: pop logs gateway')]
  }
  return [ofGateway, judgeAge(nowMs() - bulletin.heardMs)]
}

async function gatewayClock(url: URL, roots: readonly string[], nowMs: () => number): Promise<Finding> {
  const beforeMs = nowMs()
  const asked = await ask(url, roots)
  const dateMs = asked.answered ? Date.parse(asked.headers.date ?? '') : Number.NaN
  if (!Number.isNaN(dateMs)) return judgeSkew('the gateway', dateMs, beforeMs, nowMs())
  return skip('clocks', 'the gateway tells no time, so its clock is not known')
}

/** The finding for a `Date` field, which tells whole seconds, that was asked for between two moments of our clock. */
export function judgeSkew(who: string, dateMs: number, beforeMs: number, afterMs: number): Finding {
  // Somewhere in its second, at some moment between question and answer.
  const skewMs = dateMs > afterMs ? dateMs - afterMs : Math.max(0, beforeMs - (dateMs + 999))
  if (skewMs <= skewMsMax) return ok('clocks', `${who} and this machine agree`)
  const seconds = Math.round(skewMs / 1000)
  const side = dateMs > afterMs ? 'ahead of' : 'behind'
  return fail('clocks', `the clock of ${who} is ${seconds} s ${side} that of this machine`, synchronise)
}

const synchronise = `Set both by NTP (timedatectl, chronyc tracking): beyond ${skewMsMax / 1000} s tokens and seals are refused`

/** The finding for a bulletin that control confirmed so long ago. */
export function judgeAge(ageMs: number): Finding {
  const seconds = Math.round(ageMs / 1000)
  if (ageMs < -skewMsMax)
    return fail('clocks', `the clock of control is ${-seconds} s ahead of that of this machine`, synchronise)
  const message = `the gateway heard control ${Math.max(0, seconds)} s ago`
  const remedy = 'See: pop status, pop logs control, pop logs gateway'
  if (ageMs > staleMs) return fail('clocks', `${message}: changes are refused`, remedy)
  return ageMs > lateMs
    ? warn('clocks', `${message}; after 15 minutes changes are refused`, remedy)
    : ok('clocks', message)
}
