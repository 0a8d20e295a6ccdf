import { tokenExpiry } from '../../client/token.ts';
import type { Command } from '../command.ts';
import { exitCodes } from '../errors.ts';
import { plain } from '../text.ts';

export const token: Command = {
  name: 'token',
  usage: '<me>',
  people: 1,
  summary: 'print a token, for other programs',
  details:
    'Of the local stack, or what --token-command gives. It is not tried: only the server can tell whether it is good.',
  examples: ['token alice', 'token alice --ttl 60'],
  options: ['ttl'],
  async run({ people: [user], getToken, output }) {
    const text = await getToken({ fresh: true });
    const expiry = tokenExpiry(text);
    const expiresAt = expiry === undefined ? {} : { expiresAt: new Date(expiry).toISOString() };
    await output.word({ type: 'token', user, token: text, ...expiresAt }, plain(text));
    return exitCodes.done;
  },
};
