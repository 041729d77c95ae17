import type { RealmRequest } from '../realm/realm-request.ts'

/** Text that is in every secret of `exampleRequest`, and in nothing else of it. */
export const secretMark = 'not-to-be-shown'

/** For tests: a realm with two modules, a service of each kind and a person, with changes. */
export function exampleRequest(change: Partial<RealmRequest> = {}): RealmRequest {
  return {
    realm: 'pop',
    gateway: 'https://gateway.example',
    audience: 'pop-api',
    security: {
      tokenSeconds: 3600,
      failuresMax: 5,
      lockoutSeconds: 300,
      passwordLengthMin: 12,
      requireSecondFactor: true,
    },
    requireTls: true,
    passwordGrant: true,
    roles: ['admin', 'user', 'reader'],
    modulePermissions: { kafka_service: ['kafka.create', 'kafka.delete'], s3_service: ['s3.upload'] },
    gatewayClient: { clientId: 'pop-gateway', secret: `${secretMark}-1` },
    controlSecret: `${secretMark}-2`,
    services: [
      {
        clientId: 'reporter',
        authentication: 'secret',
        secret: `${secretMark}-3`,
        roles: ['reader'],
        exchangesTokens: false,
      },
      {
        clientId: 'exchanger',
        authentication: 'private_key_jwt',
        jwks: '{"keys":[]}',
        roles: ['user'],
        exchangesTokens: true,
      },
    ],
    users: [
      {
        id: 'e9f8a8f2-1c5e-4a37-a9a5-7a0b1a9f0c11',
        username: 'alice',
        password: `${secretMark}-4`,
        totpSecret: `${secretMark}-5`,
        roles: ['admin'],
      },
    ],
    ...change,
  }
}
