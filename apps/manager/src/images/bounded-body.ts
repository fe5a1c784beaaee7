import { type FetchAnswer, toOriginError } from '@pondhawk/origin';

/**
 * Reads a body of which only so much is wanted; the connection is dropped at the first byte beyond.
 *
 * @throws what `tooLarge` makes; PondhawkError `ORIGIN_TIMEOUT`, `ORIGIN_UNREACHABLE`, `ORIGIN_LENGTH_WRONG`.
 */
export async function readBounded(
  { body }: FetchAnswer,
  { bytesMax, tooLarge }: { readonly bytesMax: number; readonly tooLarge: () => Error },
): Promise<Buffer> {
  const chunks: Buffer[] = [];
  let bytes = 0;
  try {
    for await (const chunk of body as AsyncIterable<Buffer>) {
      bytes += chunk.length;
      if (bytes > bytesMax) throw tooLarge();
      chunks.push(chunk);
    }
  } catch (error) {
    throw toOriginError(error);
  } finally {
    body.destroy();
  }
  return Buffer.concat(chunks);
}
