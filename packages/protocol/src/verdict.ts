import type { ProblemCode } from './problem/catalogue.ts'

/** An expected outcome as a value: what was checked, or the code and the detail of the refusal. */
export type Verdict<T> =
  | { readonly ok: true; readonly value: T }
  | { readonly ok: false; readonly code: ProblemCode; readonly detail: string }

export function accepted<T>(value: T): Verdict<T> {
  return { ok: true, value }
}

export function refused(
  code: ProblemCode,
  detail: string,
): { readonly ok: false; readonly code: ProblemCode; readonly detail: string } {
  return { ok: false, code, detail }
}
