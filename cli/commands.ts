import type { Command } from './command.ts';
import { chat } from './commands/chat.ts';
import { conversations } from './commands/conversations.ts';
import { history } from './commands/history.ts';
import { send } from './commands/send.ts';
import { tail } from './commands/tail.ts';
import { token } from './commands/token.ts';

/** In the order in which somebody meets them. */
export const commands: readonly Command[] = [chat, send, tail, history, conversations, token];
