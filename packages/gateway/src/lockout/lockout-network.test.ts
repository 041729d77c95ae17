import assert from 'node:assert/strict'
import { test } from 'node:test'
import { lockoutNetwork } from './lockout-network.ts'

const cases: readonly (readonly [string, string])[] = [
  ['192.0.2.7', '192.0.2.0/24'],
  ['192.0.2.255', '192.0.2.0/24'],
  ['192.0.3.7', '192.0.3.0/24'],
  ['::ffff:192.0.2.7', '192.0.2.0/24'],
  ['::FFFF:192.0.2.7', '192.0.2.0/24'],
  ['::ffff:c000:207', '192.0.2.0/24'],
  ['0:0:0:0:0:ffff:c000:0207', '192.0.2.0/24'],
  ['::ffff:198.51.100.7', '198.51.100.0/24'],
  ['2001:db8:1:2:3:4:5:6', '2001:db8:1:2::/64'],
  ['2001:DB8:1:2::9', '2001:db8:1:2::/64'],
  ['2001:db8:1:3::9', '2001:db8:1:3::/64'],
  ['::1', '0:0:0:0::/64'],
  ['fe80::1%lo', 'fe80:0:0:0::/64'],
  ['-', '-'],
]
for (const [address, network] of cases) {
  test(`lockoutNetwork() counts ${address} to ${network}`, () => assert.equal(lockoutNetwork(address), network))
}
