import { printable } from '@pop-api/audit'
import type { Output } from './output.ts'

/** Writes a value as one line of JSON that is harmless on a terminal: what would act there stands as its JSON escape. */
export function writeJson(value: unknown, out: Output): Promise<void> {
  return out.writeLine(printable(JSON.stringify(value)))
}
