/** The settings in force when there is no `pop.yaml`: the architecture document's own blocks, for one machine. */
export const developmentSettings = `# POP API settings. The blocks below are those of the architecture document.
environment: development

roles:
  admin:
    - create_resource
    - delete_resource
    - modify_settings
    - view_metrics
  user:
    - create_resource
    - view_own_resources
  reader:
    - view_public_resources

module_permissions:
  kafka_service:
    - kafka.create
    - kafka.delete
    - kafka.modify
  s3_service:
    - s3.upload
    - s3.download
    - s3.delete

data_security:
  at_rest:
    - AES-256 encryption
    - Secure key management
    - Regular key rotation
  in_transit:
    - TLS 1.3
    - Perfect Forward Secrecy
    - Strong cipher suites

security_config:
  token_expiration: 3600
  max_failed_attempts: 5
  lockout_duration: 300
  minimum_password_length: 12
  require_2fa: true

environments:
  production:
    require_mTLS: true
    allow_test_tokens: false
    audit_level: "full"
  development:
    require_mTLS: false
    allow_test_tokens: true
    audit_level: "full"
`
