import type { Client, ClientEvents } from '../client/client.ts';
import type { Connector } from './connector.ts';
import { type Event, errorEvent } from './output.ts';
import { type PlainText, say } from './text.ts';

type Tell = (event: Event, forPeople: PlainText) => unknown;

/** Tells when the connection is lost and when it is back; the first time is no news. */
export function tellStates(client: Client, { note }: { readonly note: Tell }, ending: AbortSignal): void {
  let wasConnected = false;
  client.on('state', async (change) => {
    if (change.state === 'connected') {
      const text = change.recovered ? say`connected again, nothing is missing` : say`connected again`;
      if (wasConnected) await note({ type: 'state', ...change }, text);
      wasConnected = true;
    } else if (wasConnected && !ending.aborted && change.reason !== 'disconnect') {
      await note({ type: 'state', ...change }, stateText(change));
    }
  });
}

function stateText({ reason, retryInMs }: ClientEvents['state']): PlainText {
  const seconds = retryInMs === undefined ? '' : ` in ${(retryInMs / 1000).toFixed(1)} s`;
  return say`no connection (${reason}); trying again${seconds}`;
}

/** Errors that no promise tells. What the connector ends the command with is told by that. */
export function tellErrors(
  client: Client,
  { note }: { readonly note: Tell },
  { lastFailure }: Connector,
): void {
  client.on('error', async (error) => {
    if (error.code === 'token_failed' && error.cause === lastFailure()) return;
    await note(...errorEvent(error));
  });
}

/** What was shown and is not there any more, or never can be. */
export function tellLosses(client: Client, { note }: { readonly note: Tell }): void {
  client.on('reset', async (reset) => {
    const text = say`the server's data began anew, for instance from a backup: what was shown here may be gone`;
    await note({ type: 'reset', ...reset }, text);
  });
  client.on('gap', async (gap) => {
    const text = say`messages #${gap.from} to #${gap.to} of conversation ${gap.conversationId} cannot be read any more`;
    await note({ type: 'gap', ...gap }, text);
  });
}
