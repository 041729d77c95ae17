import { hash } from 'node:crypto'

/** The partition of a key: always the same one while the number of partitions stays. */
export function partitionOfKey(key: string, partitionsCount: number): number {
  return hash('sha256', key, 'buffer').readUInt32BE(0) % partitionsCount
}
