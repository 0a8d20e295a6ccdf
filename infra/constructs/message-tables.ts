import { RemovalPolicy, Validations } from 'aws-cdk-lib';
import { AttributeType, Billing, ProjectionType, TableEncryptionV2, TableV2 } from 'aws-cdk-lib/aws-dynamodb';
import { Construct } from 'constructs';
import { type TableDefinition, type TableId, tables } from '#shared/aws/tables.ts';

export interface MessageTablesProps {
  /** False: the tables and what is in them go with the stack. */
  readonly keepData: boolean;
  /** What the tables that every message touches can take from the start. */
  readonly warmReadsPerSecond: number | undefined;
  readonly warmWritesPerSecond: number | undefined;
}

/** Those that a send reads or writes. The others have few requests. */
const busy: readonly TableId[] = [
  'conversations',
  'messages',
  'mailboxes',
  'relationships',
  'connections',
  'rateLimits',
];

const attributeTypes = { S: AttributeType.STRING, N: AttributeType.NUMBER, B: AttributeType.BINARY };

/**
 * The tables, as `shared/aws/tables.ts` declares them: on demand, and those that hold somebody's
 * data retained, protected against deletion and recoverable to any second of the last 35 days.
 *
 * They rest under DynamoDB's own key. What must stay secret from whoever reads a table is the content. That is sealed
 * under our KMS key before it gets here. A second customer key would add a KMS grant to every function.
 */
export class MessageTables extends Construct {
  readonly byId: Readonly<Record<TableId, TableV2>>;

  constructor(scope: Construct, id: string, props: MessageTablesProps) {
    super(scope, id);
    const entries = Object.entries(tables).map(([tableId, definition]) => [
      tableId,
      this.addTable(tableId, definition, props),
    ]);
    this.byId = Object.fromEntries(entries) as Record<TableId, TableV2>;
  }

  private addTable(tableId: string, definition: TableDefinition, props: MessageTablesProps): TableV2 {
    const { keepData, warmReadsPerSecond, warmWritesPerSecond } = props;
    const { partitionKey, sortKey, index, timeToLive, holdsData } = definition;
    const protect = holdsData && keepData;
    const table = new TableV2(this, tableId.charAt(0).toUpperCase() + tableId.slice(1), {
      partitionKey: { name: partitionKey.name, type: attributeTypes[partitionKey.type] },
      ...(sortKey && { sortKey: { name: sortKey.name, type: attributeTypes[sortKey.type] } }),
      ...(index && {
        localSecondaryIndexes: [
          {
            indexName: index.name,
            sortKey: { name: index.sortKey.name, type: attributeTypes[index.sortKey.type] },
            projectionType: ProjectionType.KEYS_ONLY,
          },
        ],
      }),
      ...(timeToLive !== undefined && { timeToLiveAttribute: timeToLive }),
      billing: Billing.onDemand(),
      ...(busy.some((one) => one === tableId) &&
        (warmReadsPerSecond ?? warmWritesPerSecond) !== undefined && {
          warmThroughput: {
            ...(warmReadsPerSecond !== undefined && { readUnitsPerSecond: warmReadsPerSecond }),
            ...(warmWritesPerSecond !== undefined && { writeUnitsPerSecond: warmWritesPerSecond }),
          },
        }),
      encryption: TableEncryptionV2.dynamoOwnedKey(),
      pointInTimeRecoverySpecification: { pointInTimeRecoveryEnabled: holdsData },
      deletionProtection: protect,
      removalPolicy: protect ? RemovalPolicy.RETAIN : RemovalPolicy.DESTROY,
    });
    if (!holdsData) {
      Validations.of(table).acknowledge({
        id: 'AwsSolutions-DDB3',
        reason: 'Its rows live minutes or hours and are made anew by the next connection or request.',
      });
    }
    return table;
  }
}
