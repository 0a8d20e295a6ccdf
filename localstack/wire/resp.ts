/** A value of RESP2, Valkey's protocol. Errors and simple strings are strings here. */
export type RespValue = Buffer | string | number | null | readonly RespValue[];

export interface ParsedResp {
  readonly value: RespValue;
  /** Where what comes after it begins. */
  readonly end: number;
}

/** Takes what arrives, in whatever pieces, and calls back for each whole value with its length in bytes. */
export function makeRespReader(onValue: (value: RespValue, bytes: number) => void): (chunk: Buffer) => void {
  let rest: Buffer = Buffer.alloc(0);
  return (chunk) => {
    rest = rest.length === 0 ? chunk : Buffer.concat([rest, chunk]);
    let begin = 0;
    for (let parsed = parseResp(rest, begin); parsed !== undefined; parsed = parseResp(rest, begin)) {
      onValue(parsed.value, parsed.end - begin);
      begin = parsed.end;
    }
    rest = rest.subarray(begin);
  };
}

/** The value that begins at `begin`; undefined while it is incomplete. Throws on what is not RESP2. */
export function parseResp(data: Buffer, begin: number): ParsedResp | undefined {
  const lineEnd = data.indexOf('\r\n', begin);
  if (lineEnd < 0) return undefined;
  const line = data.toString('latin1', begin + 1, lineEnd);
  const end = lineEnd + 2;
  switch (String.fromCharCode(data[begin] ?? 0)) {
    case '+':
    case '-':
      return { value: line, end };
    case ':':
      return { value: Number(line), end };
    case '$':
      return parseBulk(data, end, Number(line));
    case '*':
      return parseArray(data, end, Number(line));
    default:
      throw new Error('This is not RESP2.');
  }
}

function parseBulk(data: Buffer, begin: number, length: number): ParsedResp | undefined {
  if (length < 0) return { value: null, end: begin };
  const end = begin + length + 2;
  return end <= data.length ? { value: data.subarray(begin, begin + length), end } : undefined;
}

function parseArray(data: Buffer, begin: number, length: number): ParsedResp | undefined {
  if (length < 0) return { value: null, end: begin };
  const values: RespValue[] = [];
  let end = begin;
  while (values.length < length) {
    const parsed = parseResp(data, end);
    if (parsed === undefined) return undefined;
    values.push(parsed.value);
    end = parsed.end;
  }
  return { value: values, end };
}
