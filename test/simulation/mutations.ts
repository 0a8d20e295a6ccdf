/** One guard taken out of the product's source: `find` stands there once, and `replace` is what is left without it. */
export interface Mutation {
  readonly guard: string;
  readonly file: string;
  readonly find: string;
  readonly replace: string;
}

const useCases = 'shared/use-cases';
const dynamodb = 'shared/adapters/dynamodb';

/** The guards of ARCHITECTURE.md, "What makes it right", in its order. */
export const mutations: readonly Mutation[] = [
  {
    guard: 'head condition: only the next seq commits',
    file: `${dynamodb}/commit-transaction.ts`,
    find: `        Update: {
          TableName: tables.conversations,`,
    replace: `        Update: {
          ...{ ConditionExpression: undefined },
          TableName: tables.conversations,`,
  },
];
