import { ArnFormat, Stack, Validations } from 'aws-cdk-lib';
import { CfnServerlessCache } from 'aws-cdk-lib/aws-elasticache';
import { type IGrantable, PolicyStatement } from 'aws-cdk-lib/aws-iam';
import { Construct } from 'constructs';
import type { CacheNetwork } from './cache-network.ts';

export interface MessageCacheProps {
  /** Distinguishes the caches of several deployments in one account. Small letters, digits, hyphens. */
  readonly name: string;
  readonly maxGigabytes: number;
  /** Without one, the cache has a public endpoint. Both demand TLS and an IAM token. */
  readonly network?: CacheNetwork;
}

/** The user and its group that ElastiCache keeps for IAM authentication. It has no password, so there is none to leak. */
const iamUser = 'default.iam-user';
const iamUserGroup = 'default.iam-user-group';
/** Public endpoints begin with this version. */
const majorEngineVersion = '9';

/** ElastiCache Serverless for Valkey. It holds sealed messages only, each for an hour, and may be lost at any time. */
export class MessageCache extends Construct {
  readonly cache: CfnServerlessCache;
  /** For the functions that use it. */
  readonly environment: Readonly<Record<string, string>>;

  constructor(scope: Construct, id: string, props: MessageCacheProps) {
    super(scope, id);
    const { network } = props;
    const connectionType = network === undefined ? 'public' : 'vpc';
    // The type is part of the name: a change of it replaces the cache, and two cannot have one name meanwhile.
    const serverlessCacheName = `${props.name}-${connectionType}`;
    this.cache = new CfnServerlessCache(this, 'Cache', {
      serverlessCacheName,
      description: 'Recent messages, sealed',
      engine: 'valkey',
      majorEngineVersion,
      connectionType,
      userGroupId: iamUserGroup,
      cacheUsageLimits: { dataStorage: { unit: 'GB', maximum: props.maxGigabytes } },
      ...(network && {
        subnetIds: network.vpc.privateSubnets.map((subnet) => subnet.subnetId),
        securityGroupIds: [network.cacheGroup.securityGroupId],
      }),
    });
    Validations.of(this.cache).acknowledge({
      id: 'CloudFormation-Validate::F3002',
      reason: 'ConnectionType is documented for this resource and newer than the schema that the CDK brings.',
    });
    this.environment = {
      CACHE_URL: `rediss://${this.cache.attrEndpointAddress}:${this.cache.attrEndpointPort}`,
      CACHE_NAME: serverlessCacheName,
      CACHE_IAM_USER: iamUser,
    };
  }

  grantConnect(grantee: IGrantable): void {
    const user = Stack.of(this).formatArn({
      service: 'elasticache',
      resource: 'user',
      resourceName: iamUser,
      arnFormat: ArnFormat.COLON_RESOURCE_NAME,
    });
    grantee.grantPrincipal.addToPrincipalPolicy(
      new PolicyStatement({ actions: ['elasticache:Connect'], resources: [this.cache.attrArn, user] }),
    );
  }
}
