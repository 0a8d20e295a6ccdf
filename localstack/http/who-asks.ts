import {
  createServer,
  type IncomingMessage,
  type RequestListener,
  type Server,
  type ServerResponse,
} from 'node:http';
import { answerText } from '#localstack/http/http-answers.ts';

/** Whether a name always leads to the machine that looks it up, in every browser: nobody's DNS has a say in these. */
export function isLoopbackName(name: string): boolean {
  const lowerCase = name.toLowerCase();
  if (/^(?:127(?:\.\d{1,3}){3}|localhost|\[::1\])$/.test(lowerCase)) return true;
  return lowerCase.endsWith('.localhost') && /^[\w.-]+$/.test(lowerCase);
}

/** The name in a `Host` header, in lower case: without its port, and IPv6 in brackets. */
export function nameOfHost(host: string): string {
  return host.replace(/:\d{1,5}$/, '').toLowerCase();
}

/** The name in an `Origin` header; undefined for `null` and for what is no page of HTTP. */
export function nameOfOrigin(origin: string): string | undefined {
  const [, host] = /^https?:\/\/([^/]+)$/.exec(origin) ?? [];
  return host && nameOfHost(host);
}

/**
 * Whether a program asks and no web page does. A browser puts an `Origin` on whatever a page of another origin could read
 * or write, and to a page whose own name was made to lead here (DNS rebinding) it gives that name's `Host`.
 */
export function isProgram({ headers }: Pick<IncomingMessage, 'headers'>): boolean {
  return headers.origin === undefined && isLoopbackName(nameOfHost(headers.host ?? ''));
}

/** For programs of this machine alone: whatever else asks gets 403, and `listener` does not hear of it. */
export function createServerForPrograms(listener: RequestListener): Server {
  return createServer((request, response) => {
    if (isProgram(request)) listener(request, response);
    else refuseOthers(response);
  });
}

export const refusalOfOthers = 'This is for programs of this machine, and for no web page.\n';

function refuseOthers(response: ServerResponse): void {
  answerText(response, 403, refusalOfOthers);
}
