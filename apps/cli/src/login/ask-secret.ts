import { createInterface } from 'node:readline';
import { Writable } from 'node:stream';

/** Asks on the terminal for a line that is not shown while it is typed. */
export async function askSecret(
  question: string,
  { signal }: { readonly signal: AbortSignal },
): Promise<string> {
  // Readline echoes into its output; this one swallows that.
  const nowhere = new Writable({ write: (_chunk, _encoding, done) => done() });
  const lines = createInterface({ input: process.stdin, output: nowhere, terminal: true });
  process.stderr.write(question);
  try {
    return await new Promise<string>((resolve, reject) => {
      lines.once('line', resolve);
      lines.once('close', () => reject(new Error('No password was given.')));
      lines.once('SIGINT', () => reject(new Error('Interrupted.')));
      signal.addEventListener('abort', () => lines.close(), { once: true });
    });
  } finally {
    lines.close();
    process.stderr.write('\n');
  }
}
