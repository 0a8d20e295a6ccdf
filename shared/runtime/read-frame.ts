import { type Action, actions, isAction, type Requests, rowOf } from '#shared/actions.ts';
import { ProtocolError } from '#shared/protocol/errors.ts';
import * as field from '#shared/protocol/fields.ts';
import { abbreviate, badRequest, byteLength, isPlainObject } from '#shared/protocol/fields.ts';
import { limits } from '#shared/protocol/limits.ts';

/** A client's frame, as far as it can be read without knowing the fields of its action, or what is wrong with it. */
export type Frame =
  | {
      readonly action: Action;
      readonly given: Readonly<Record<string, unknown>>;
      readonly requestId?: string;
    }
  | { readonly error: ProtocolError; readonly requestId?: string };

const remedy = `Name one of: ${Object.keys(actions).join(', ')}.`;

/** Reads a client's frame up to the fields of its action. Never throws. */
export function readFrame(body: string): Frame {
  let requestId: { requestId?: string } = {};
  try {
    const { action, requestId: givenId, ...given } = parseObject(body);
    if (givenId !== undefined) requestId = { requestId: field.requestId(givenId, 'requestId') };
    return { action: actionOf(action), given, ...requestId };
  } catch (error) {
    if (!(error instanceof ProtocolError)) throw error;
    return { error, ...requestId };
  }
}

/** The request that the fields of a frame make. Throws a `ProtocolError` that names what is wrong. */
export function readRequest<A extends Action>(
  action: A,
  given: Readonly<Record<string, unknown>>,
): Requests[A] {
  return rowOf(action).request.read(given);
}

function parseObject(body: string): Record<string, unknown> {
  if (byteLength(body) > limits.frameBytes)
    throw new ProtocolError('too_large', `The frame has more than ${limits.frameBytes} bytes.`);
  let frame: unknown;
  try {
    frame = JSON.parse(body);
  } catch {
    throw badRequest('The frame is not JSON.', 'Send one JSON object per text frame.');
  }
  if (!isPlainObject(frame)) throw badRequest('The frame is not a JSON object.', 'Send {"action": …}.');
  return frame;
}

function actionOf(action: unknown): Action {
  if (action === undefined) throw badRequest('"action" is missing.', remedy);
  if (typeof action !== 'string') throw badRequest('"action" must be a string.', remedy);
  if (!isAction(action)) throw badRequest(`"action" has the unknown value "${abbreviate(action)}".`, remedy);
  return action;
}
