import { BlockList, isIP } from 'node:net'

/** Addresses of this machine alone. */
export const loopback = '127.0.0.0/8,::1/128'

/** True if the address lies in one of the comma-separated ranges. An IPv4 address written as IPv6 counts as IPv4. */
export function isInRange(address: string, cidr: string): boolean {
  const plain = address.replace(/^::ffff:(?=\d+\.)/i, '')
  const family = isIP(plain)
  return family !== 0 && parseRanges(cidr).check(plain, family === 6 ? 'ipv6' : 'ipv4')
}

/** Reads `ADDRESS/BITS,…`. Throws a RangeError for anything else. */
export function parseRanges(cidr: string): BlockList {
  const ranges = new BlockList()
  for (const range of cidr.split(',')) {
    const [, address = '', bits = ''] = /^([0-9a-fA-F.:]+)\/(\d{1,3})$/.exec(range) ?? []
    const family = isIP(address)
    if (family === 0 || Number(bits) > (family === 6 ? 128 : 32)) throw new RangeError(`${range} is not ADDRESS/BITS.`)
    ranges.addSubnet(address, Number(bits), family === 6 ? 'ipv6' : 'ipv4')
  }
  return ranges
}
