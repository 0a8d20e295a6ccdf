import { App } from 'aws-cdk-lib';
import { addBundledPostrider } from './bundled-postrider.ts';

/** What `npx cdk` runs. */
const app = new App();
await addBundledPostrider(app);
app.synth();
