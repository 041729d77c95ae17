/** What an operation does to its resource, as the word of the `action` field. Gateway and modules write the same one. */
export const resourceActions = {
  create: 'resource_creation',
  read: 'resource_read',
  change: 'resource_change',
  delete: 'resource_deletion',
  list: 'resource_list',
} as const
