import { App } from 'aws-cdk-lib';
import { addBundledPostrider } from '#infra/bundled-postrider.ts';
import { adaptToMinistack } from './emulated.ts';

/** The product's own CDK app, with what MiniStack cannot do taken out. Run by the CDK's command line in `deploy.ts`. */
const app = new App();
const { messaging } = await addBundledPostrider(app);
adaptToMinistack(messaging, {
  endpoint: required('MINISTACK_ENDPOINT'),
  issuer: required('MINISTACK_ISSUER'),
  audience: required('MINISTACK_AUDIENCE'),
});
app.synth();

function required(name: string): string {
  const value = process.env[name];
  if (!value) throw new Error(`${name} is not set: this app is run by localstack/ministack/deploy.ts.`);
  return value;
}
