/** Parsers of one setting each. They throw an `Error` whose message completes the sentence "write …". */

export function parseText(pattern: RegExp, expectation: string): (value: unknown) => string {
  return (value) => {
    if (typeof value !== 'string' || !pattern.test(value)) throw new Error(expectation);
    return value;
  };
}

/** The values that come from the command line are strings, those from cdk.json are what JSON makes of them. */
export function pickOne<const T extends string | number>(choices: readonly T[]): (value: unknown) => T {
  return (value) => {
    const choice = choices.find((candidate) => candidate === value || String(candidate) === value);
    if (choice === undefined)
      throw new Error(`one of ${choices.map((one) => JSON.stringify(one)).join(', ')}`);
    return choice;
  };
}

export function parseSwitch(value: unknown): boolean {
  if (value === true || value === 'true') return true;
  if (value === false || value === 'false') return false;
  throw new Error('true or false');
}

export function parseWholeNumber(from: number, to: number): (value: unknown) => number {
  return (value) => {
    const number = typeof value === 'string' && /^\d+$/.test(value) ? Number(value) : value;
    if (typeof number !== 'number' || !Number.isInteger(number) || number < from || number > to) {
      throw new Error(`a whole number from ${from} to ${to}`);
    }
    return number;
  };
}

/** An issuer is compared character by character with the token's `iss`, so it stays as it was written. */
export function parseIssuer(value: unknown): string {
  const expectation = 'the exact `iss` of your tokens, an https URL such as "https://login.example.com"';
  if (typeof value !== 'string' || !/^https:\/\/[^\s?#]+$/.test(value) || !URL.canParse(value)) {
    throw new Error(expectation);
  }
  return value;
}

/** One audience, or several as a list. From the command line a list is JSON. */
export function parseAudiences(value: unknown): readonly string[] {
  const expectation =
    'the `aud` of your tokens, such as "my-app", or several as a list, such as ["web-client", "android-client"]';
  const list = typeof value === 'string' && value.startsWith('[') ? parseJson(value, expectation) : value;
  const audiences: unknown[] = Array.isArray(list) ? list : [list];
  // No issuer's audience has a comma. Whoever writes one means a list, and the functions take it for one.
  const right = audiences.filter((one) => typeof one === 'string' && /^[^\s,]{1,256}$/.test(one));
  if (right.length !== audiences.length || right.length === 0 || right.length > mostAudiences)
    throw new Error(expectation);
  return [...new Set(right.map(String))];
}

const mostAudiences = 20;

function parseJson(text: string, expectation: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    throw new Error(expectation);
  }
}
