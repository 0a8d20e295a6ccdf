import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { App } from 'aws-cdk-lib';
import { Template } from 'aws-cdk-lib/assertions';
import { afterAll } from 'vitest';
import { type FunctionName, functionNeeds } from '#infra/function-needs.ts';
import { addPostrider } from '#infra/postrider.ts';
import { readSettings } from '#infra/settings.ts';

const folders: string[] = [];
afterAll(() => {
  for (const folder of folders) rmSync(folder, { recursive: true, force: true });
});

export interface Synthesised {
  readonly data: Template;
  readonly messaging: Template;
}

/** The deployment of the default settings, with some changed. Its functions are one empty bundle. */
export function synthesise(changes: Record<string, unknown> = {}): Synthesised {
  const { app, bundles, context } = prepareApp(changes);
  const { data, messaging } = addPostrider(app, readSettings(context), bundles);
  return { data: Template.fromStack(data), messaging: Template.fromStack(messaging) };
}

export function prepareApp(changes: Record<string, unknown> = {}) {
  const folder = mkdtempSync(join(tmpdir(), 'postrider-infra-'));
  folders.push(folder);
  const bundle = join(folder, 'bundle');
  mkdirSync(bundle);
  writeFileSync(join(bundle, 'index.mjs'), 'export const handler = async () => ({ statusCode: 200 });\n');
  const cdkJson = JSON.parse(readFileSync(new URL('../../../cdk.json', import.meta.url), 'utf8'));
  const changed = Object.entries(changes).map(([name, value]) => [`postrider:${name}`, value]);
  const context: Record<string, unknown> = { ...cdkJson.context, ...Object.fromEntries(changed) };
  const bundles = Object.fromEntries(Object.keys(functionNeeds).map((name) => [name, bundle]));
  return {
    app: new App({ context, outdir: join(folder, 'cdk.out') }),
    bundles: bundles as Record<FunctionName, string>,
    context,
  };
}

export type Resource = { readonly Type: string; readonly Properties: Record<string, unknown> } & Record<
  string,
  unknown
>;

export function resourcesOf(template: Template, type: string): [logicalId: string, Resource][] {
  return Object.entries(template.findResources(type)) as [string, Resource][];
}
