import type { Action, Requests } from '#shared/actions.ts';
import { ProtocolError } from '#shared/protocol/errors.ts';
import { readFrame, readRequest } from '#shared/runtime/read-frame.ts';

export type Request = Requests[Action];
type ParsedFrame =
  | { readonly request: Request; readonly requestId?: string }
  | { readonly error: ProtocolError; readonly requestId?: string };

/** Reads a whole frame as the frame handler does: a valid request, or the error to answer with. */
export function parseRequest(body: string): ParsedFrame {
  const frame = readFrame(body);
  if ('error' in frame) return frame;
  const { action, given, ...requestId } = frame;
  try {
    return { request: readRequest(action, given), ...requestId };
  } catch (error) {
    if (!(error instanceof ProtocolError)) throw error;
    return { error, ...requestId };
  }
}
