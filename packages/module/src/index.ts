export { defineModule } from './definition.ts'
export type { RequestStream } from './stream.ts'
export type {
  AnswerStream,
  Caller,
  Handler,
  HandlerAnswer,
  HandlerRequest,
  ModuleDefinition,
  ModuleSource,
} from './definition.ts'
export type { Resource, Visibility } from './book/resource.ts'
export { startModule } from './start.ts'
export type { RunningModule, StartOptions } from './start.ts'
export type { MeshTransport, ModuleWorkload } from './workload.ts'
export { PopError, type ManifestDocument } from '@pop-api/protocol'
