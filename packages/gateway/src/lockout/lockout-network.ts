import { isIPv6, SocketAddress } from 'node:net'
import { networkOf } from '../admit/network.ts'

/**
 * The network whose failures count together: the /24 of an IPv4 address, the /64 of an IPv6 address. An IPv4 address that is written
 * as IPv6 is IPv4: else one client has two networks, or all of them one. What is no address counts as itself.
 */
export function lockoutNetwork(address: string): string {
  const canonical = isIPv6(address) ? new SocketAddress({ address, family: 'ipv6' }).address : address
  const v4 = /^(?:::ffff:)?(\d{1,3}\.\d{1,3}\.\d{1,3})\.\d{1,3}$/.exec(canonical)?.[1]
  return v4 === undefined ? networkOf(canonical) : `${v4}.0/24`
}
