export { latencyBuckets, metricCatalogue, type MetricKind } from './metrics/catalogue.ts'
export {
  benchmarkParts,
  startGateway,
  type BenchmarkParts,
  type GatewayOptions,
  type RunningGateway,
} from './start-gateway.ts'
