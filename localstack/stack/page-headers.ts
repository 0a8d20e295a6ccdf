/** Nothing but the page's own files, and no way to take text for markup or for code. */
const contentSecurityPolicy = [
  "default-src 'none'",
  ...["script-src 'self'", "style-src 'self'", "img-src 'self'"],
  // Its WebSocket as well.
  "connect-src 'self'",
  ...["base-uri 'none'", "form-action 'none'", "frame-ancestors 'none'"],
  ...["require-trusted-types-for 'script'", "trusted-types 'none'"],
];

/** What every file of the demo page is sent with. */
export const pageHeaders = new Map([
  ['content-security-policy', contentSecurityPolicy.join('; ')],
  ['cache-control', 'no-store'],
  ['referrer-policy', 'no-referrer'],
  ['x-content-type-options', 'nosniff'],
]);
