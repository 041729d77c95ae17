export * from './event.ts'
export { openFileLog, type FileLogOptions } from './file-log.ts'
export { printable } from './line.ts'
export { readAudit } from './read.ts'
