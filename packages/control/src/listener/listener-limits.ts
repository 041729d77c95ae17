/** Limits of both listeners on what a connection may take; times in ms. Node looks for those that are over each second. */
export const listenerLimits = {
  maxHeaderSize: 16 * 1024,
  handshakeTimeout: 10_000,
  headersTimeout: 10_000,
  requestTimeout: 30_000,
  keepAliveTimeout: 5_000,
  connectionsCheckingInterval: 1_000,
} as const

/** Strangers come to admin, one after the other: whoever takes all of these is gone when its request times out. */
export const adminConnectionsMax = 256

/** Of all members together: each follows the bulletin on one connection and opens others for a moment. */
export const controlConnectionsMax = 1024

/** One member has a handful of connections; with this many it cannot keep the others out. */
export const connectionsOfPeerMax = 32
