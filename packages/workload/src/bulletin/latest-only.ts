/** Does one thing at a time, and of the things asked for meanwhile only the last. */
export interface Latest<T> {
  readonly want: (value: T) => void
  /** Resolves when nothing is under way and nothing is wanted. */
  readonly settled: () => Promise<void>
}

/** Makes a `Latest` of an action. Its failures go to `onProblem`: whoever wants does not wait. */
export function latestOnly<T>(action: (value: T) => Promise<void>, onProblem: (problem: unknown) => void): Latest<T> {
  let wanted: { readonly value: T } | undefined
  let running: Promise<void> | undefined
  const work = async (): Promise<void> => {
    while (wanted !== undefined) {
      const { value } = wanted
      wanted = undefined
      try {
        await action(value)
      } catch (problem) {
        onProblem(problem)
      }
    }
    running = undefined
  }
  return {
    want: (value) => {
      wanted = { value }
      running ??= work()
    },
    settled: async () => {
      await running
    },
  }
}
