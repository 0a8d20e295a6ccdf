import { clearScreenDown, createInterface, cursorTo, moveCursor } from 'node:readline';
import type { Io } from './io.ts';

/** Lines that come in while somebody types. */
export interface Screen {
  /** Prints a line above the one that is being typed. */
  print(line: string): void;
  /** What stands before the line that is being typed. */
  setPrompt(prompt: string): void;
  /** Resolves when there is no more input: its end, Ctrl-D or Ctrl-C. */
  readonly ended: Promise<void>;
  close(): void;
}

/** On a terminal, a typed line disappears when it is entered: it is printed again, in its place, when it is committed. */
export function openScreen({ stdin, stdout }: Io, onLine: (line: string) => void): Screen {
  const isTerminal = stdin.isTTY === true && stdout.isTTY === true;
  const ended = Promise.withResolvers<void>();
  let prompt = '> ';
  const lines = createInterface(
    isTerminal ? { input: stdin, output: stdout, terminal: true } : { input: stdin, terminal: false },
  );

  function eraseTyped(line: string): void {
    // A terminal that does not know its size says 0.
    const rows = Math.floor((prompt.length + line.length) / (stdout.columns || 80)) + 1;
    moveCursor(stdout, 0, -rows);
    clearScreenDown(stdout);
  }

  lines.on('line', (line) => {
    if (isTerminal) eraseTyped(line);
    onLine(line);
    if (isTerminal) lines.prompt();
  });
  lines.on('SIGINT', () => lines.close());
  lines.on('close', ended.resolve);

  return {
    ended: ended.promise,
    print(line) {
      if (isTerminal) {
        moveCursor(stdout, 0, -lines.getCursorPos().rows);
        cursorTo(stdout, 0);
        clearScreenDown(stdout);
      }
      stdout.write(`${line}\n`);
      if (isTerminal) lines.prompt(true);
    },
    setPrompt(text) {
      prompt = text;
      lines.setPrompt(text);
      if (isTerminal) lines.prompt(true);
    },
    close() {
      lines.close();
      // The prompt's line is left half full.
      if (isTerminal) stdout.write('\n');
    },
  };
}
