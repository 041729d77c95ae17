import { readdir } from 'node:fs/promises'

const nameShape = /^(\d{8})\.jsonl$/

/** The names of the log's files, oldest first. */
export async function logFiles(directory: string): Promise<string[]> {
  return (await readdir(directory)).filter((name) => nameShape.test(name)).sort()
}

/** `00000001.jsonl`: numbered from one, so that names sort by age. */
export function fileName(number: number): string {
  return `${String(number).padStart(8, '0')}.jsonl`
}

export function fileNumber(name: string): number {
  return Number(nameShape.exec(name)?.[1] ?? 0)
}
