import { Match } from 'aws-cdk-lib/assertions';
import { beforeAll, describe, expect, test, vi } from 'vitest';
import { functionNeeds } from '#infra/function-needs.ts';
import { routes } from '#infra/routes.ts';
import { readSettings } from '#infra/settings.ts';
import { permissionsOf } from './support/permissions.ts';
import { type Resource, resourcesOf, type Synthesised, synthesise } from './support/synthesise.ts';

vi.setConfig({ testTimeout: 180_000, hookTimeout: 180_000 });

let stack: Synthesised;
beforeAll(() => {
  stack = synthesise();
});

const functionsOf = ({ messaging }: Synthesised) => resourcesOf(messaging, 'AWS::Lambda::Function');

describe('functions', () => {
  test('are all arm64 on Node 24, below the gateway’s 29 s unless the queue calls them, traced, with JSON logs', () => {
    expect(functionsOf(stack)).toHaveLength(Object.keys(functionNeeds).length);
    for (const [id, { Properties }] of functionsOf(stack)) {
      expect(Properties, id).toMatchObject({
        Architectures: ['arm64'],
        Runtime: 'nodejs24.x',
        Handler: 'index.handler',
        TracingConfig: { Mode: 'Active' },
        LoggingConfig: { LogFormat: 'JSON' },
      });
      if (!id.includes('Deliver')) expect(Properties.Timeout).toBeLessThan(29);
    }
  });

  test('are all told the epoch, so that another one makes new environments of every function', () => {
    for (const [id, { Properties }] of functionsOf(synthesise({ epoch: 'two' })))
      expect(Properties.Environment, id).toMatchObject({ Variables: { EPOCH: 'two' } });
  });

  test('let their metrics through at any log level', () => {
    const quiet = synthesise({ logLevel: 'ERROR' });
    for (const [, { Properties }] of functionsOf(quiet)) {
      expect(Properties.LoggingConfig).toMatchObject({ ApplicationLogLevel: 'INFO' });
      expect(Properties.Environment).toMatchObject({ Variables: { POWERTOOLS_LOG_LEVEL: 'ERROR' } });
    }
  });

  test('each logs to a group of its own that is kept for the set time', () => {
    const groups = resourcesOf(stack.messaging, 'AWS::Logs::LogGroup');
    expect(groups).toHaveLength(functionsOf(stack).length + 1);
    for (const [, { Properties }] of groups) expect(Properties.RetentionInDays).toBe(30);
  });
});

describe('the WebSocket API', () => {
  const routeOf = (key: string): Resource | undefined =>
    resourcesOf(stack.messaging, 'AWS::ApiGatewayV2::Route').find(
      ([, { Properties }]) => Properties.RouteKey === key,
    )?.[1];

  test('selects routes by the action, and knows those of the table and no others', () => {
    stack.messaging.hasResourceProperties('AWS::ApiGatewayV2::Api', {
      ProtocolType: 'WEBSOCKET',
      RouteSelectionExpression: '$request.body.action',
    });
    const keys = resourcesOf(stack.messaging, 'AWS::ApiGatewayV2::Route').map(
      ([, { Properties }]) => Properties.RouteKey,
    );
    expect(keys.sort()).toEqual(routes.map(({ key }) => key).sort());
  });

  test('makes its routes one after the other, and the stage after all of them', () => {
    const dependencies = (resource: Resource | undefined) => [resource?.DependsOn ?? []].flat().map(String);
    const made = resourcesOf(stack.messaging, 'AWS::ApiGatewayV2::Route');
    const [[, stage] = []] = resourcesOf(stack.messaging, 'AWS::ApiGatewayV2::Stage');
    const routesBefore = (resource: Resource | undefined) =>
      dependencies(resource).filter((id) => made.some(([routeId]) => routeId === id));
    const first = made.filter(([, route]) => routesBefore(route).length === 0);
    expect(first).toHaveLength(1);
    let last = stage;
    const met = new Set<string>();
    while (last !== undefined) {
      const [before, ...more] = routesBefore(last);
      expect(more).toEqual([]);
      if (before === undefined) break;
      met.add(before);
      last = made.find(([id]) => id === before)?.[1];
    }
    expect(met.size).toBe(made.length);
  });

  test.each(routes)('$key answers with a route response: $routeResponse', ({ key, routeResponse }) => {
    const route = routeOf(key);
    expect(route?.Properties.RouteResponseSelectionExpression).toBe(routeResponse ? '$default' : undefined);
    const routeId = resourcesOf(stack.messaging, 'AWS::ApiGatewayV2::Route').find(
      ([, each]) => each === route,
    )?.[0];
    const responses = resourcesOf(stack.messaging, 'AWS::ApiGatewayV2::RouteResponse').filter(
      ([, { Properties }]) => (Properties.RouteId as { Ref: string }).Ref === routeId,
    );
    expect(responses.map(([, { Properties }]) => Properties.RouteResponseKey)).toEqual(
      routeResponse ? ['$default'] : [],
    );
  });

  test('authorizes at $connect, and demands no header that a browser cannot send', () => {
    expect(routeOf('$connect')?.Properties.AuthorizationType).toBe('CUSTOM');
    stack.messaging.hasResourceProperties('AWS::ApiGatewayV2::Authorizer', {
      AuthorizerType: 'REQUEST',
      IdentitySource: [],
    });
  });

  test('throttles, and logs who came but neither content nor token', () => {
    const stages = resourcesOf(stack.messaging, 'AWS::ApiGatewayV2::Stage').map(
      ([, stage]) => stage.Properties,
    );
    expect(stages.map((stage) => stage.DefaultRouteSettings)).toEqual([
      {
        DataTraceEnabled: false,
        LoggingLevel: 'OFF',
        ThrottlingRateLimit: 2000,
        ThrottlingBurstLimit: 1000,
      },
    ]);
    const [logs] = stages.map((stage) => stage.AccessLogSettings as { Format: string });
    const variables: string[] = Object.values(JSON.parse(logs?.Format ?? '{}'));
    expect(variables).toEqual(
      expect.arrayContaining(['$context.connectionId', '$context.authorizer.userId']),
    );
    expect(
      variables.filter((variable) =>
        /body|header|token|authorizer\.(?!status|userId)|integrationErrorMessage/i.test(variable),
      ),
    ).toEqual([]);
  });

  test('has the host name of the settings', () => {
    const { messaging } = synthesise({
      domainName: 'chat.example.com',
      certificateArn: 'arn:aws:acm:us-east-1:123456789012:certificate/00000000-0000-4000-8000-000000000000',
    });
    messaging.hasResourceProperties('AWS::ApiGatewayV2::DomainName', { DomainName: 'chat.example.com' });
    messaging.hasOutput('WebSocketUrl', { Value: 'wss://chat.example.com' });
    messaging.hasOutput('DomainTarget', {});
  });
});

describe('concurrency', () => {
  const reservedOf = (synthesised: Synthesised) =>
    functionsOf(synthesised)
      .filter(([, { Properties }]) => Properties.ReservedConcurrentExecutions !== undefined)
      .map(([, { Properties }]) => [Properties.Description, Properties.ReservedConcurrentExecutions]);

  test('of a new account, whose quota is 10, is not reserved, which Lambda would refuse', () => {
    expect(reservedOf(stack)).toEqual([]);
    const small = synthesise({ concurrency: 10 });
    expect(reservedOf(small)).toEqual([]);
    small.messaging.hasResourceProperties('AWS::Lambda::EventSourceMapping', {
      ScalingConfig: { MaximumConcurrency: 2 },
    });
  });

  test('of reconnect and sync is bounded, so that half of it is left for handshakes and sends', () => {
    const large = synthesise({ concurrency: 1_000 });
    expect(reservedOf(large)).toEqual([
      ['Postrider: reconnect', 250],
      ['Postrider: sync', 250],
    ]);
    large.messaging.hasResourceProperties('AWS::Lambda::EventSourceMapping', {
      ScalingConfig: { MaximumConcurrency: 100 },
    });
  });
});

describe('API Gateway’s log role', () => {
  const set = (synthesised: Synthesised) =>
    resourcesOf(synthesised.messaging, 'AWS::ApiGateway::Account').length;

  test('is the account’s own, and is set only where the settings say so', () => {
    expect(set(stack)).toBe(0);
    expect(set(synthesise({ apiGatewayLogRole: 'exists' }))).toBe(0);
    expect(set(synthesise({ apiGatewayLogRole: 'create' }))).toBe(1);
  });
});

describe('later delivery', () => {
  test('returns failed records alone, and sets aside what failed five times', () => {
    stack.messaging.hasResourceProperties('AWS::Lambda::EventSourceMapping', {
      FunctionResponseTypes: ['ReportBatchItemFailures'],
      BatchSize: 10,
    });
    stack.messaging.hasResourceProperties('AWS::SQS::Queue', {
      RedrivePolicy: { maxReceiveCount: 5, deadLetterTargetArn: Match.anyValue() },
      VisibilityTimeout: 6 * functionNeeds.deliver.timeoutSeconds,
    });
  });

  test('its queues are encrypted and refuse plain HTTP', () => {
    stack.messaging.allResourcesProperties('AWS::SQS::Queue', { SqsManagedSseEnabled: true });
    stack.messaging.resourceCountIs('AWS::SQS::QueuePolicy', 2);
  });
});

describe('the cache', () => {
  const usesCache = Object.entries(functionNeeds).filter(([, needs]) => 'usesCache' in needs).length;
  const withVariable = (synthesised: Synthesised, name: string) =>
    functionsOf(synthesised).filter(
      ([, { Properties }]) => name in (Properties.Environment as { Variables: object }).Variables,
    );

  test('is reached by its public endpoint, over TLS, by IAM', () => {
    const [[groupId] = []] = resourcesOf(stack.messaging, 'AWS::ElastiCache::UserGroup');
    stack.messaging.hasResourceProperties('AWS::ElastiCache::ServerlessCache', {
      ConnectionType: 'public',
      Engine: 'valkey',
      MajorEngineVersion: '9',
      UserGroupId: { Ref: groupId },
      SubnetIds: Match.absent(),
    });
    stack.messaging.resourceCountIs('AWS::EC2::VPC', 0);
    const found = withVariable(stack, 'CACHE_URL');
    expect(found).toHaveLength(usesCache);
    for (const [, { Properties }] of found)
      expect(JSON.stringify(Properties.Environment)).toContain('rediss://');
  });

  test('has a user of its own, who has no password and may do nothing to other keys', () => {
    stack.messaging.hasResourceProperties('AWS::ElastiCache::User', {
      AuthenticationMode: { Type: 'iam' },
      UserId: 'postrider-cache',
      UserName: 'postrider-cache',
      AccessString: Match.stringLikeRegexp('^on resetchannels ~\\*\\{\\*\\}:\\* -@all '),
    });
    const [[userId] = []] = resourcesOf(stack.messaging, 'AWS::ElastiCache::User');
    stack.messaging.hasResourceProperties('AWS::ElastiCache::UserGroup', { UserIds: [{ Ref: userId }] });
  });

  test('can be left out', () => {
    const without = synthesise({ cache: 'none' });
    without.messaging.resourceCountIs('AWS::ElastiCache::ServerlessCache', 0);
    expect(withVariable(without, 'CACHE_URL')).toEqual([]);
  });

  test('can be inside a VPC, which has no NAT gateway', () => {
    const inside = synthesise({ cache: 'vpc' });
    inside.messaging.hasResourceProperties('AWS::ElastiCache::ServerlessCache', { ConnectionType: 'vpc' });
    inside.messaging.resourceCountIs('AWS::EC2::NatGateway', 0);
    inside.messaging.resourceCountIs('AWS::EC2::InternetGateway', 0);
    inside.messaging.resourceCountIs('AWS::EC2::EgressOnlyInternetGateway', 1);
    const within = functionsOf(inside).filter(([, { Properties }]) => Properties.VpcConfig !== undefined);
    expect(within).toHaveLength(usesCache);
    for (const [, { Properties }] of within) {
      expect(Properties.VpcConfig).toMatchObject({ Ipv6AllowedForDualStack: true });
    }
    const placed = Object.values(permissionsOf(inside.messaging)).filter((permissions) =>
      permissions.includes('ec2:CreateNetworkInterface on *'),
    );
    expect(placed).toHaveLength(usesCache);
  });
});

describe('the outputs', () => {
  test('of both stacks say with which settings they were deployed', () => {
    const { data, messaging } = synthesise({ cache: 'none' });
    const recordIn = (template: Synthesised['data']) =>
      JSON.parse(String(template.findOutputs('Settings').Settings?.Value));
    expect(recordIn(messaging)).toEqual({ ...readSettings({ 'postrider:cache': 'none' }) });
    expect(recordIn(data)).toEqual({ keepData: true, selfSignUp: false });
  });

  test('name the URL and what to do next', () => {
    stack.messaging.hasOutput('WebSocketUrl', {});
    const { NextStep } = stack.messaging.findOutputs('NextStep') as { NextStep: { Value: unknown } };
    expect(JSON.stringify(NextStep.Value)).toContain('wscat');
  });
});
