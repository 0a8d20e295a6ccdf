import { App } from 'aws-cdk-lib';
import { addBundledPostrider } from './bundled-postrider.ts';
import { SettingsError } from './settings.ts';

/** What `npx cdk` runs. */
const app = new App();
try {
  await addBundledPostrider(app);
  app.synth();
} catch (error) {
  if (!(error instanceof SettingsError)) throw error;
  process.stderr.write(`${error.message}\n`);
  process.exitCode = 1;
}
