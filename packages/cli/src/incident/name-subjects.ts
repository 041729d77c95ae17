import type { Command } from 'commander'
import { CommandFailure } from '../command-failure.ts'
import { askPeople, pathOf, userOf } from '../people/ask-people.ts'
import type { Surroundings } from '../print/surroundings.ts'

/** Each is a question of its own; who is not asked for keeps the subject. */
const askedMax = 50

/**
 * Usernames by subject (`user:ID`), as far as the gateway tells them to whoever asks: a name is a help to the reader, and a list of
 * revocations has to show where users are not managed, or only to be seen by others.
 */
export async function nameSubjects(
  command: Command,
  around: Surroundings,
  subjects: readonly string[],
): Promise<ReadonlyMap<string, string>> {
  const names = new Map<string, string>()
  const users = [...new Set(subjects)].filter((subject) => subject.startsWith('user:'))
  for (const subject of users.slice(0, askedMax)) {
    try {
      const { username } = userOf(
        await askPeople(command, around, { method: 'GET', path: pathOf(subject.slice('user:'.length)) }),
      )
      names.set(subject, String(username))
    } catch (failure) {
      if (!(failure instanceof CommandFailure)) throw failure
      // Somebody who is gone says nothing of the others; any other refusal would meet them as well.
      if (failure.problem?.['code'] !== 'resource-not-found') return names
    }
  }
  return names
}
