import { ArnFormat, Stack, Validations } from 'aws-cdk-lib';
import { CfnServerlessCache, CfnUser, CfnUserGroup } from 'aws-cdk-lib/aws-elasticache';
import { type IGrantable, PolicyStatement } from 'aws-cdk-lib/aws-iam';
import { Construct } from 'constructs';
import { accessString, cacheName, cacheUser, majorEngineVersion } from '../cache-access.ts';
import type { CacheNetwork } from './cache-network.ts';

export interface MessageCacheProps {
  /** Distinguishes the caches of several deployments in one account. */
  readonly deployment: string;
  readonly maxGigabytes: number;
  /** Without one, the cache has a public endpoint. Both demand TLS and an IAM token. */
  readonly network?: CacheNetwork;
}

/** ElastiCache Serverless for Valkey. It holds sealed messages only, each for an hour, and may be lost at any time. */
export class MessageCache extends Construct {
  readonly cache: CfnServerlessCache;
  private readonly userId: string;
  /** For the functions that use it. */
  readonly environment: Readonly<Record<string, string>>;

  constructor(scope: Construct, id: string, props: MessageCacheProps) {
    super(scope, id);
    const { network } = props;
    this.userId = cacheUser(props.deployment);
    const connectionType = network === undefined ? 'public' : 'vpc';
    const serverlessCacheName = cacheName(props.deployment, connectionType);
    const group = this.addUser(props.deployment);
    this.cache = new CfnServerlessCache(this, 'Cache', {
      serverlessCacheName,
      description: 'Recent messages, sealed',
      engine: 'valkey',
      majorEngineVersion,
      connectionType,
      userGroupId: group.ref,
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
      CACHE_IAM_USER: this.userId,
    };
  }

  /** A user of the functions' own, by IAM: the account's default one may do everything in every cache of the account. */
  private addUser(deployment: string): CfnUserGroup {
    const user = new CfnUser(this, 'User', {
      engine: 'valkey',
      userId: this.userId,
      // IAM demands that both are the same.
      userName: this.userId,
      authenticationMode: { Type: 'iam' },
      accessString,
    });
    return new CfnUserGroup(this, 'UserGroup', {
      engine: 'valkey',
      userGroupId: cacheUser(deployment),
      userIds: [user.ref],
    });
  }

  grantConnect(grantee: IGrantable): void {
    const user = Stack.of(this).formatArn({
      service: 'elasticache',
      resource: 'user',
      resourceName: this.userId,
      arnFormat: ArnFormat.COLON_RESOURCE_NAME,
    });
    grantee.grantPrincipal.addToPrincipalPolicy(
      new PolicyStatement({ actions: ['elasticache:Connect'], resources: [this.cache.attrArn, user] }),
    );
  }
}
