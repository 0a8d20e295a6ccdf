/** By its description the data stack of a deployment is known among the stacks of an account. */
export const dataDescription = 'Postrider: messages, mailboxes, keys and users';

/** Where the roles of a deployment's functions lie. The key's policy names them by it, before there are any. */
export function rolePath(deployment: string): string {
  return `/postrider/${deployment}/`;
}
