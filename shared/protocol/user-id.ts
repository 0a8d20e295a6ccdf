const userIdPattern = /^[A-Za-z0-9._:@|-]{1,128}$/;

/** What the team itself writes under. No user has it. */
const reserved = 'system';

/** Whether `value` may be a user id: 1–128 characters of `A-Za-z0-9._:@|-`, and not the reserved `system`. */
export function isUserId(value: unknown): value is string {
  return typeof value === 'string' && userIdPattern.test(value) && value !== reserved;
}
