import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { directConversationId } from '#shared/log/conversation.ts';

const page = readFileSync(new URL('../../docs/encryption.md', import.meta.url), 'utf8');
const [, steps = ''] = /### One conversation, step by step.*?```sh\n(.*?)```/s.exec(page) ?? [];

/** AWS as far as the page calls it: each call is printed, a word to a line; a table is named after its logical id. */
const standIns = `
  aws() {
    case "$*" in
      *describe-stack-resources*) sed "s/.*'Tables\\([A-Za-z]*\\)'.*/the-\\1/" <<< "$*" ;;
      *) printf '%s\\n' aws "$@" ;;
    esac
  }
`;

test.for([
  ['alice', 'bob'],
  ['bob', 'Alice'],
  ['auth0|1', 'a:b@example.com'],
])(
  'the steps to erase the conversation of %s and %s block both and take its salt',
  ([one = '', other = '']) => {
    const named = steps.replace('ALICE=alice BOB=bob', `ALICE='${one}' BOB='${other}'`);
    expect(named).toContain(other);

    const printed = execFileSync('bash', ['-euc', standIns + named], { encoding: 'utf8' });

    const calls = printed.trim().split(/\n?^(?=aws$)/m);
    const blocked = (ownerId: string, otherId: string) => ({
      ownerId: { S: ownerId },
      otherId: { S: otherId },
      blocked: { BOOL: true },
    });
    const option = (call: string | undefined, name: string) =>
      new RegExp(`^--${name}\n(.*)$`, 'm').exec(call ?? '')?.[1] ?? '';
    const [first, second, third, ...others] = calls;
    for (const call of [first, second]) expect(option(call, 'table-name')).toBe('the-Relationships');
    expect(JSON.parse(option(first, 'item'))).toEqual(blocked(one, other));
    expect(JSON.parse(option(second, 'item'))).toEqual(blocked(other, one));
    expect(option(third, 'table-name')).toBe('the-Conversations');
    expect(JSON.parse(option(third, 'key'))).toEqual({
      conversationId: { S: directConversationId(one, other) },
    });
    expect(option(third, 'update-expression')).toBe('REMOVE keySalt');
    expect(option(third, 'condition-expression')).toBe('attribute_exists(keySalt)');
    expect(others).toEqual([]);
  },
);
