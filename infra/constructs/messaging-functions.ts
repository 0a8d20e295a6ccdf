import type { Function as LambdaFunction } from 'aws-cdk-lib/aws-lambda';
import { Construct } from 'constructs';
import { reservations } from '../concurrency.ts';
import { type FunctionName, type FunctionNeeds, functionNeeds } from '../function-needs.ts';
import { grantNeeds, type SharedParts } from '../grant-needs.ts';
import type { Settings } from '../settings.ts';
import { MessagingFunction } from './messaging-function.ts';

export interface MessagingFunctionsProps {
  readonly settings: Settings;
  /** The directory of each function's bundle. */
  readonly bundles: Readonly<Record<FunctionName, string>>;
  readonly parts: SharedParts;
}

/** Every function of the product, each with what `function-needs.ts` names for it. */
export class MessagingFunctions extends Construct {
  readonly byName: Readonly<Record<FunctionName, LambdaFunction>>;

  constructor(scope: Construct, id: string, props: MessagingFunctionsProps) {
    super(scope, id);
    const entries = Object.entries(functionNeeds).map(([name, needs]) => [
      name,
      this.addFunction(name as FunctionName, needs, props),
    ]);
    this.byName = Object.fromEntries(entries) as Record<FunctionName, LambdaFunction>;
  }

  private addFunction(
    name: FunctionName,
    needs: FunctionNeeds,
    props: MessagingFunctionsProps,
  ): LambdaFunction {
    const { settings, bundles, parts } = props;
    const made = new MessagingFunction(this, name.charAt(0).toUpperCase() + name.slice(1), {
      description: `${settings.name}: ${name}`,
      bundle: bundles[name],
      memoryMegabytes: needs.memoryMegabytes,
      timeoutSeconds: needs.timeoutSeconds,
      reserved: reservations(settings.concurrency)[name],
      settings,
      ...(needs.usesCache && parts.network && { network: parts.network }),
    });
    grantNeeds(made, needs, parts);
    return made.lambda;
  }
}
