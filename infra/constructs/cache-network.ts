import { ArnFormat, Stack, Validations } from 'aws-cdk-lib';
import {
  GatewayVpcEndpointAwsService,
  IpAddresses,
  IpProtocol,
  type IVpc,
  Peer,
  Port,
  SecurityGroup,
  SubnetType,
  Vpc,
} from 'aws-cdk-lib/aws-ec2';
import { Effect, PolicyStatement, type Role } from 'aws-cdk-lib/aws-iam';
import type { IQueue } from 'aws-cdk-lib/aws-sqs';
import { Construct } from 'constructs';

/** https://docs.aws.amazon.com/lambda/latest/dg/configuration-vpc.html#configuration-vpc-permissions */
const networkInterfaceActions = [
  'AssignPrivateIpAddresses',
  'CreateNetworkInterface',
  'DeleteNetworkInterface',
  'DescribeNetworkInterfaces',
  'DescribeSubnets',
  'UnassignPrivateIpAddresses',
];

/** TLS to the cache: writes on 6379, reads from replicas on 6380. */
const cachePorts = Port.tcpRange(6379, 6380);

/**
 * A dual-stack VPC for the cache and the functions that use it, without a NAT gateway. DynamoDB is reached by a gateway
 * endpoint, the other services over IPv6 by an egress-only gateway. Both are free.
 */
export class CacheNetwork extends Construct {
  readonly vpc: IVpc;
  /** Of the functions that use the cache. */
  readonly securityGroup: SecurityGroup;
  readonly cacheGroup: SecurityGroup;
  /** The services' endpoints that answer over IPv6, by the SDK's own variables. */
  readonly environment: Readonly<Record<string, string>>;

  constructor(scope: Construct, id: string) {
    super(scope, id);
    this.vpc = new Vpc(this, 'Vpc', {
      ipProtocol: IpProtocol.DUAL_STACK,
      ipAddresses: IpAddresses.cidr('10.73.0.0/20'),
      maxAzs: 3,
      natGateways: 0,
      createInternetGateway: false,
      subnetConfiguration: [{ name: 'Private', subnetType: SubnetType.PRIVATE_WITH_EGRESS }],
      gatewayEndpoints: { DynamoDb: { service: GatewayVpcEndpointAwsService.DYNAMODB } },
    }) as IVpc;
    this.securityGroup = new SecurityGroup(this, 'Functions', {
      vpc: this.vpc,
      description: 'Functions that use the cache',
      allowAllIpv6Outbound: true,
    });
    this.cacheGroup = new SecurityGroup(this, 'Cache', {
      vpc: this.vpc,
      description: 'The cache, for those functions alone',
      allowAllOutbound: false,
    });
    this.cacheGroup.addIngressRule(Peer.securityGroupId(this.securityGroup.securityGroupId), cachePorts);
    const { region } = Stack.of(this);
    this.environment = {
      AWS_ENDPOINT_URL_KMS: `https://kms.${region}.api.aws`,
      AWS_ENDPOINT_URL_SQS: `https://sqs.${region}.api.aws`,
    };
    Validations.of(this.vpc).acknowledge({
      id: 'AwsSolutions-VPC7',
      reason:
        'Nothing can enter this network, and its functions log what they call; flow logs would cost more than the cache.',
    });
  }

  /** What Lambda needs to place a function into the network; the function's own code may do none of it. */
  grantInterfaces(role: Role): void {
    const actions = networkInterfaceActions.map((action) => `ec2:${action}`);
    role.addToPolicy(new PolicyStatement({ actions, resources: ['*'] }));
    const anyFunction = Stack.of(this).formatArn({
      service: 'lambda',
      resource: 'function',
      resourceName: '*',
      arnFormat: ArnFormat.COLON_RESOURCE_NAME,
    });
    role.addToPolicy(
      new PolicyStatement({
        effect: Effect.DENY,
        actions,
        resources: ['*'],
        conditions: { ArnLike: { 'lambda:SourceFunctionArn': anyFunction } },
      }),
    );
  }

  /** The queue's URL on the host that answers over IPv6: the SDK sends to the host of the URL. */
  queueUrl(queue: IQueue): string {
    const { region, account } = Stack.of(this);
    return `https://sqs.${region}.api.aws/${account}/${queue.queueName}`;
  }
}
