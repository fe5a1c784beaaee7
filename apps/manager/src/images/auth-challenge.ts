/** What a server asks for in `WWW-Authenticate` (RFC 9110, 11.6.1). */

/** One challenge; names of parameters are in lower case. */
export interface AuthChallenge {
  /** In lower case. */
  readonly scheme: string;
  readonly parameters: Readonly<Record<string, string>>;
}

const TOKEN = "[!#$%&'*+.^_`|~0-9A-Za-z-]+";
const PARAMETER = new RegExp(`^(${TOKEN})\\s*=\\s*(?:"((?:[^"\\\\]|\\\\.)*)"|(${TOKEN}))`);
const SCHEME = new RegExp(`^(${TOKEN})(?:\\s+|$|(?=,))`);

/** Reads a header; what cannot be read ends the list. */
export function parseChallenges(header: string): AuthChallenge[] {
  const challenges: { scheme: string; parameters: Record<string, string> }[] = [];
  let rest = header;
  for (;;) {
    rest = rest.replace(/^[\s,]+/, '');
    const parameter = PARAMETER.exec(rest);
    const present = challenges.at(-1);
    if (parameter !== null && present !== undefined) {
      const [whole, name = '', quoted, plain = ''] = parameter;
      present.parameters[name.toLowerCase()] ??= quoted?.replace(/\\(.)/g, '$1') ?? plain;
      rest = rest.slice(whole.length);
      continue;
    }
    const scheme = SCHEME.exec(rest);
    if (scheme === null) return challenges;
    challenges.push({ scheme: (scheme[1] ?? '').toLowerCase(), parameters: {} });
    rest = rest.slice(scheme[0].length);
  }
}
