export interface RedirectedOutput {
  /** Emits a line as if it had been written. */
  line(text: string): void;
  /** Emits what was written without a line break at its end. */
  flush(): void;
}

/**
 * Sends everything that is written to stdout and stderr (and so by console) to `emit`, line by line, in the order of
 * writing. A worker's own streams are asynchronous: a thread that freezes or dies would keep or lose its last lines.
 */
export function redirectOutput(emit: (line: string) => void): RedirectedOutput {
  const flushers = [process.stdout, process.stderr].map((stream) => redirect(stream, emit));
  return {
    line: emit,
    flush() {
      for (const flush of flushers) flush();
    },
  };
}

function redirect(stream: NodeJS.WriteStream, emit: (line: string) => void): () => void {
  let unfinished = '';

  function write(
    chunk: string | Uint8Array,
    encodingOrCallback?: BufferEncoding | (() => void),
    callback?: () => void,
  ): boolean {
    const text = typeof chunk === 'string' ? chunk : Buffer.from(chunk).toString('utf8');
    const lines = (unfinished + text).split('\n');
    unfinished = lines.pop() ?? '';
    for (const line of lines) emit(line);
    const written = typeof encodingOrCallback === 'function' ? encodingOrCallback : callback;
    if (written !== undefined) process.nextTick(written);
    return true;
  }

  stream.write = write;
  return () => {
    if (unfinished !== '') emit(unfinished);
    unfinished = '';
  };
}
