import { readFileSync } from 'node:fs';
import { Ajv, type ValidateFunction } from 'ajv';
import { parse } from 'yaml';

interface Reference {
  readonly $ref: string;
}

export interface AsyncApi {
  readonly channels: {
    readonly connection: {
      readonly messages: Readonly<Record<string, Reference>>;
      readonly 'x-close-codes': Readonly<Record<string, string>>;
    };
  };
  readonly operations: Readonly<
    Record<
      string,
      {
        readonly action: 'send' | 'receive';
        readonly messages: readonly Reference[];
        readonly reply?: { readonly messages: readonly Reference[] };
      }
    >
  >;
  readonly components: { readonly messages: Readonly<Record<string, object>> };
}

export function readAsyncApi(): AsyncApi {
  return parse(readFileSync(new URL('../../../docs/asyncapi.yaml', import.meta.url), 'utf8')) as AsyncApi;
}

export const lastPart = ({ $ref }: Reference): string => $ref.split('/').at(-1) ?? '';

const bytes = (text: string): number => Buffer.byteLength(text);

/** One validator for each message of the document, by name. Its own keywords for bytes are enforced as it describes them. */
export function messageValidators(document: AsyncApi): ReadonlyMap<string, ValidateFunction> {
  const ajv = new Ajv({ strict: true, strictRequired: false, strictTypes: false, allErrors: true });
  ajv.addKeyword({
    keyword: 'x-maxBytes',
    type: 'string',
    schemaType: 'number',
    validate: (most: number, text: string) => bytes(text) <= most,
  });
  ajv.addKeyword({
    keyword: 'x-maxJsonBytes',
    type: 'string',
    schemaType: 'number',
    validate: (most: number, text: string) => bytes(JSON.stringify(text)) <= most,
  });
  // So that references are followed in the document itself, the parts around its schemas are let pass.
  ajv.addVocabulary(Object.keys(document));
  ajv.addSchema(document, 'asyncapi');
  return new Map(
    Object.keys(document.components.messages).map((name) => [
      name,
      ajv.compile({ $ref: `asyncapi#/components/messages/${name}/payload` }),
    ]),
  );
}

/** Names of the messages that the server receives, by the document. */
export function requestNames({ operations }: AsyncApi): string[] {
  return Object.values(operations).flatMap(({ action, messages }) =>
    action === 'receive' ? messages.map(lastPart) : [],
  );
}
