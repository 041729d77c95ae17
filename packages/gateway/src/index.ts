export {
  benchmarkParts,
  startGateway,
  type BenchmarkParts,
  type GatewayOptions,
  type RunningGateway,
} from './start-gateway.ts'
