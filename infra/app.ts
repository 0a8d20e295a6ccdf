import { dirname } from 'node:path';
import { App } from 'aws-cdk-lib';
import { bundleFunctions } from './bundle-functions.ts';
import { type FunctionName, functionNeeds } from './function-needs.ts';
import { addChecks, addPostrider } from './postrider.ts';
import { readSettings } from './settings.ts';

/** What `npx cdk` runs: settings, bundles, stacks. */
const app = new App();
const settings = readSettings(app.node.getAllContext() as Record<string, unknown>);
const bundles = await bundleFunctions({ outdir: '.postrider/lambda' });
const names = Object.keys(functionNeeds) as FunctionName[];
const directories = names.map((name) => {
  const bundle = bundles[name];
  if (bundle === undefined)
    throw new Error(`functions/${name}.ts is missing: the infrastructure expects it.`);
  process.stderr.write(`${name.padEnd(12)}${(bundle.bytes / 1024).toFixed(0).padStart(6)} KB\n`);
  return [name, dirname(bundle.file)] as const;
});
addPostrider(app, settings, Object.fromEntries(directories) as Record<FunctionName, string>);
addChecks(app);
app.synth();
