/**
 * How long to wait before attempt `attempt + 1` (attempts count from 0): doubling from `firstMs` to `mostMs`, of which a random
 * half is left out, so that many workloads do not come back in step. `random` gives 0 ≤ x < 1.
 */
export function backoffMs(
  attempt: number,
  random: () => number,
  { firstMs, mostMs }: { readonly firstMs: number; readonly mostMs: number } = { firstMs: 200, mostMs: 10_000 },
): number {
  const fullMs = Math.min(mostMs, firstMs * 2 ** Math.min(attempt, 30))
  return fullMs * (1 - random() / 2)
}
