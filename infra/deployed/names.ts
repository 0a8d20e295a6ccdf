/** By its description the data stack of a deployment is known among the stacks of an account. */
export const dataDescription = 'Postrider: messages, mailboxes, keys and users';
