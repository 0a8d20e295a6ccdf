import { dirname } from 'node:path';
import type { App } from 'aws-cdk-lib';
import { bundleFunctions } from './bundle-functions.ts';
import { type FunctionName, functionNeeds } from './function-needs.ts';
import { addChecks, addPostrider, type Postrider } from './postrider.ts';
import { settingsOfEnvironment } from './settings-file.ts';

/**
 * Reads the settings of the environment that the app's context names, bundles the functions (and says how large they are), and adds the stacks
 * with their checks. Throws on settings that do not fit, and on a function that is missing.
 */
export async function addBundledPostrider(app: App): Promise<Postrider> {
  const settings = settingsOfEnvironment(app.node.getAllContext() as Record<string, unknown>);
  const bundles = await bundleFunctions({ outdir: '.postrider/lambda' });
  const names = Object.keys(functionNeeds) as FunctionName[];
  const directories = names.map((name) => {
    const bundle = bundles[name];
    if (bundle === undefined)
      throw new Error(`functions/${name}.ts is missing: the infrastructure expects it.`);
    process.stderr.write(`${name.padEnd(12)}${(bundle.bytes / 1024).toFixed(0).padStart(6)} KB\n`);
    return [name, dirname(bundle.file)] as const;
  });
  addChecks(app);
  return addPostrider(app, settings, Object.fromEntries(directories) as Record<FunctionName, string>);
}
