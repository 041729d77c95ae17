export type { Answer } from './answer.ts'
export { doorOptions, openDoor, type DoorRefusal, type FrontDoor } from './front-door.ts'
export type { Framing, Received } from './receive/received.ts'
