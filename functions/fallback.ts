import { makeFrameHandler } from '#shared/runtime/frame-handler.middy.ts';
import { connectionGateway } from '#shared/runtime/parts.ts';
import { clock } from '#shared/runtime/system.ts';
import { makeTelemetry } from '#shared/runtime/telemetry.powertools.ts';

/** `$default`: frames that no route took. Reading them tells what is wrong with them. */
export const handler = makeFrameHandler({
  useCases: {},
  gateway: connectionGateway(),
  clock,
  telemetry: makeTelemetry(),
  answers: 'respond',
});
