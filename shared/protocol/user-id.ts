const userIdPattern = /^[A-Za-z0-9._:@|-]{1,128}$/;

/** Whether `value` may be a user id: 1–128 characters of `A-Za-z0-9._:@|-`. */
export function isUserId(value: unknown): value is string {
  return typeof value === 'string' && userIdPattern.test(value);
}
