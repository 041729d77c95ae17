import assert from 'node:assert/strict'
import { test } from 'node:test'
import { PopError } from '@pop-api/protocol'
import { createRateLimiter } from '../limit/gcra.ts'
import { receive } from '../receive/receive.ts'
import { admit, type Admission } from './admit.ts'

function request(remoteAddress: string, crowded = false) {
  const rawHeaders = ['Host', 'a', 'X-Forwarded-For', `10.0.0.${Math.floor(Math.random() * 255)}`]
  const raw = { method: 'GET', url: '/', httpVersion: '1.1', rawHeaders, remoteAddress, crowded }
  return receive(raw, { requestId: 'r', nowMs: 1_800_000_000_000 })
}

function admission(draining = false): Admission {
  return { draining: () => draining, limitNetwork: createRateLimiter({ perSecond: 1, burst: 1 }, 100) }
}

const code = (wanted: string) => (error: unknown) => error instanceof PopError && error.code === wanted

test('admit() lets a request through, and the next client too', () => {
  const state = admission()
  admit(request('192.0.2.1'), state)
  admit(request('192.0.2.2'), state)
  admit(request('2001:db8:1:2::1'), state)
})

const one: readonly (readonly [string, readonly string[]])[] = [
  ['an address, whatever it says it forwards for', ['192.0.2.1', '192.0.2.1', '192.0.2.1']],
  ['an address in both spellings', ['192.0.2.1', '::ffff:192.0.2.1', '192.0.2.1']],
  ['a /64 of IPv6', ['2001:db8:1:2::1', '2001:db8:1:2::2', '2001:db8:1:2:ffff::3']],
]
for (const [name, addresses] of one) {
  test(`admit() takes for one client ${name}`, () => {
    const state = admission()
    assert.throws(() => addresses.forEach((address) => admit(request(address), state)), code('rate-limited'))
  })
}

test('admit() refuses everything while the gateway goes down, and what came over a crowded connection', () => {
  assert.throws(() => admit(request('192.0.2.1'), admission(true)), code('draining'))
  assert.throws(() => admit(request('192.0.2.1', true), admission()), code('too-many-connections'))
})
