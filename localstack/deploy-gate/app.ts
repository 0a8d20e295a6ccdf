import { App } from 'aws-cdk-lib';
import { addBundledPostrider } from '#infra/bundled-postrider.ts';
import { adaptToEmulator } from './emulated.ts';
import { readEmulation } from './emulation.ts';

/** The product's own CDK app, with what an emulator cannot do taken out. Run by the CDK's command line in `cdk.ts`. */
const app = new App();
adaptToEmulator(await addBundledPostrider(app), readEmulation(process.env));
app.synth();
