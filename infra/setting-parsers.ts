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

/** Audiences as a list, or in one text with commas between them. */
export function parseAudiences(value: unknown): string[] {
  const expectation =
    'the `aud` of your tokens, such as "my-app", or several with commas between them, such as "web,android"';
  const list = typeof value === 'string' ? listIn(value, expectation) : value;
  if (!Array.isArray(list) || list.length === 0) throw new Error(expectation);
  const names = list.map((name: unknown) => (typeof name === 'string' ? name.trim() : ''));
  // All of a function's environment has 4 KB.
  if (!names.every((name) => /^[^\s,]{1,256}$/.test(name)) || names.join(',').length > 1_024)
    throw new Error(expectation);
  return names;
}

/** From the command line a list is JSON, too. */
function listIn(text: string, expectation: string): unknown {
  return text.startsWith('[') ? parseJson(text, expectation) : text.split(',');
}

function parseJson(text: string, expectation: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    throw new Error(expectation);
  }
}
