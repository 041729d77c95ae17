export { commandHelps, type CommandHelp } from './command-helps.ts'
export { run } from './main.ts'
