import type { RunFile, RunProcess } from '../up/run-file.ts'

/** For tests: the run file of a run with these processes and addresses. */
export function standInRun(processes: Readonly<Record<string, RunProcess>>, change: Partial<RunFile> = {}): RunFile {
  return {
    version: 1,
    supervisor: { pid: process.pid },
    processes,
    gateway: 'https://localhost:1',
    operations: 'http://127.0.0.1:1',
    control: 'https://127.0.0.1:1',
    admin: 'https://127.0.0.1:1',
    issuer: 'https://localhost:1/realms/pop',
    modules: {},
    ca: '/none',
    ...change,
  }
}
