import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { makeNotifications } from '#shared/delivery/notifications.eventbridge.ts';

const page = readFileSync(new URL('../../docs/deploy.md', import.meta.url), 'utf8');
const [, connect = ''] = /## Connect.*?```sh\n(.*?)```/s.exec(page) ?? [];

/** AWS and npm as far as the page calls them: each call goes to standard error, a word of its own comes back. */
const standIns = `
  aws() {
    echo "aws $*" >&2
    case "$*" in
      *OutputKey==*) sed "s/.*OutputKey=='\\([A-Za-z]*\\)'.*/the-\\1/" <<< "$*" ;;
      *admin-initiate-auth*) sed "s/.*USERNAME=\\([a-z]*\\).*/token-of-\\1/" <<< "$*" ;;
      *admin-get-user*) sed "s/.*--username \\([a-z]*\\).*/id-of-\\1/" <<< "$*" ;;
    esac
  }
  npx() { echo "npx $*"; }
  openssl() { echo 0123456789abcdef01234567; }
`;

test('what the page says to paste for a first connection names nothing that it does not set', () => {
  expect(connect).toContain('aws');

  const printed = execFileSync('bash', ['-euc', standIns + connect], { encoding: 'utf8', stdio: 'pipe' });

  const [send = '', wscat, ...others] = printed.trim().split('\n');
  expect(JSON.parse(send)).toEqual({ action: 'send', recipientId: 'id-of-bob', content: 'Hello' });
  expect(wscat).toBe('npx --yes wscat -c the-WebSocketUrl -H Authorization: Bearer token-of-alice');
  expect(others).toEqual([]);
});

test('the outputs that the page reads are outputs of the stack', () => {
  const stack = readFileSync(new URL('../../infra/stacks/messaging-stack.ts', import.meta.url), 'utf8');
  const read = [...page.matchAll(/\$\(output (\w+)\)/g)].map(([, name]) => name);

  expect(read).toEqual(['UserPoolId', 'UserPoolClientId', 'WebSocketUrl', 'DeadLetters', 'NotificationBus']);
  expect(read.filter((name) => !stack.includes(`'${name}'`))).toEqual([]);
});

test('the event and the rule of the page are those of what is published', async () => {
  const [, section = ''] = /## Notifications(.*?)\n## /s.exec(page) ?? [];
  const [, json = ''] = /```json\n(.*?)```/s.exec(section) ?? [];
  const [, pattern = ''] = /--event-pattern '(.*)'/.exec(section) ?? [];
  const event = JSON.parse(json);
  let published: unknown;
  const events = {
    send: async ({ input }: { readonly input: unknown }) => {
      published = input;
      return {};
    },
  };

  await makeNotifications({ events: events as never, eventBusName: 'bus' }).publish(event.detail);

  expect(published).toEqual({
    Entries: [
      {
        EventBusName: 'bus',
        Source: event.source,
        DetailType: event['detail-type'],
        Detail: JSON.stringify(event.detail),
      },
    ],
  });
  expect(JSON.parse(pattern)).toEqual({ source: [event.source], 'detail-type': [event['detail-type']] });
});
