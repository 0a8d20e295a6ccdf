import { type App, Tags, Validations } from 'aws-cdk-lib';
import { AwsSolutionsChecks } from 'cdk-nag';
import { dataDescription } from './deployed/names.ts';
import type { Settings } from './settings.ts';
import { DataStack } from './stacks/data-stack.ts';
import { MessagingStack, type MessagingStackProps } from './stacks/messaging-stack.ts';

export interface Postrider {
  readonly data: DataStack;
  readonly messaging: MessagingStack;
}

/** Makes `app.synth()` throw on anything that cdk-nag finds and nobody has acknowledged. */
export function addChecks(app: App): void {
  Validations.of(app).addPlugins(new AwsSolutionsChecks(app));
}

/** One deployment: what must last, and what is replaced each time. */
export function addPostrider(
  app: App,
  settings: Settings,
  bundles: MessagingStackProps['bundles'],
): Postrider {
  const data = new DataStack(app, `${settings.name}-Data`, {
    settings,
    description: dataDescription,
  });
  const messaging = new MessagingStack(app, `${settings.name}-Messaging`, {
    settings,
    data,
    bundles,
    description: 'Postrider: the WebSocket API and the functions behind it',
  });
  Tags.of(app).add('application', settings.name);
  return { data, messaging };
}
