import { setTimeout as wait } from 'node:timers/promises'
import type { AuditEvent, AuditLog } from '@pop-api/audit'
import type { GatewaySettings } from '@pop-api/settings'
import type { Bulletin } from '@pop-api/workload'
import { openLockout, type AccountLock, type Lockout } from './lockout.ts'

/** What the lockout of a running gateway works with. */
export interface PresentLockoutOptions {
  readonly home: string
  readonly bulletin: Pick<Bulletin, 'section' | 'onChange'>
  readonly settings: () => GatewaySettings
  readonly audit: AuditLog
  readonly failed: (failure: unknown) => void
}

/** Opens the lockout of a home by the present settings, carries out what the bulletin orders, and records each lock. */
export async function presentLockout(options: PresentLockoutOptions): Promise<Lockout> {
  const { home, bulletin, settings, audit, failed } = options
  await using opened = new AsyncDisposableStack()
  const lockout = opened.use(
    await openLockout({
      home,
      rules: () => {
        const { lockout: block, security_config: security } = settings()
        return {
          counts: block.scope === 'account+network',
          failuresMax: security.max_failed_attempts,
          durationMs: security.lockout_duration * 1000,
        }
      },
      nowMs: Date.now,
      ticksMs: () => performance.now(),
      wait: (ms) => wait(ms),
      random: Math.random,
      // The event of the refused sign-in comes behind it in the same log: once that is on the disk, so is this.
      locked: (lock) => void audit.append(eventOf(lock, Date.now()), 'durable').catch(failed),
      failed,
    }),
  )
  const apply = (): void => lockout.apply(bulletin.section('incidents'))
  apply()
  opened.defer(bulletin.onChange((section) => section === 'incidents' && apply()))
  const owned = opened.move()
  return { ...lockout, [Symbol.asyncDispose]: () => owned.disposeAsync() }
}

function eventOf(lock: AccountLock, nowMs: number): AuditEvent {
  const { account, address, requestId, network, failures, durationMs } = lock
  return {
    timestamp: new Date(nowMs).toISOString(),
    action: 'account_lock',
    user: '-',
    service: 'gateway',
    resource_id: account,
    ip_address: address,
    status: 'success',
    request_id: requestId,
    reason: `${failures} failed sign-ins from ${network}: locked there for ${durationMs / 1000} s`,
  }
}
