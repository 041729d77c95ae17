/** What an operation does to its resource, as the word of the `action` field. Gateway and modules write the same one. */
export const resourceActions = {
  create: 'resource_creation',
  read: 'resource_read',
  change: 'resource_change',
  delete: 'resource_deletion',
  list: 'resource_list',
} as const

/** What control does, as the words of the `action` field of its own log. */
export const controlActions = {
  enrolment: 'enrolment',
  renewal: 'renewal',
  instance: 'instance_report',
  pin: 'manifest_pin',
  approval: 'manifest_approval',
  /** `pop.yaml`, as it was given at a start or while running. */
  publication: 'settings_publication',
  settings: 'settings_change',
  overlayDrop: 'settings_overlay_drop',
  testToken: 'test_token_mint',
  revocation: 'revocation',
  revocationUndo: 'revocation_undo',
  userList: 'user_list',
  userRead: 'user_read',
  userSessions: 'user_sessions_read',
  userCreation: 'user_creation',
  userRoles: 'user_roles_change',
  userDisable: 'user_disable',
  userEnable: 'user_enable',
  userUnlock: 'user_unlock',
  userPassword: 'user_password_reset',
  userSecondFactor: 'user_second_factor_reset',
  userLogout: 'user_logout',
} as const
