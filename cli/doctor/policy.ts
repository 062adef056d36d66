/** A Content-Security-Policy: the sources of each directive. */
export type Policy = ReadonlyMap<string, readonly string[]>;

/** Reads one policy of a header; several are separated by commas, and all of them hold. */
export const policiesOf = (header: string | undefined): Policy[] =>
  (header ?? '')
    .split(',')
    .filter((text) => text.trim() !== '')
    .map(
      (text) =>
        new Map(
          text
            .split(';')
            .map((directive) => directive.trim().split(/\s+/))
            .map(([name = '', ...sources]) => [name.toLowerCase(), sources] as const)
            .filter(([name]) => name !== '')
            .reverse(), // the first of a name holds
        ),
    );

/** The policy of a page's `<meta http-equiv>`. */
export const policyInPage = (html: string): string | undefined =>
  [...html.matchAll(/<meta\b[^>]*>/gi)]
    .map(([tag]) => tag)
    .filter((tag) => /http-equiv\s*=\s*["']?content-security-policy["'\s]/i.test(tag))
    .map(
      (tag) =>
        (/\bcontent\s*=\s*"([^"]*)"/i.exec(tag) ?? /\bcontent\s*=\s*'([^']*)'/i.exec(tag))?.[1],
    )
    .find((content) => content !== undefined);

/** Whether a policy lets this URL be used for a purpose: the first of these directives decides. */
export function allows(
  policy: Policy,
  directives: readonly string[],
  url: URL,
  own: string,
): boolean {
  const sources = directives.map((name) => policy.get(name)).find((found) => found !== undefined);
  return sources === undefined || sources.some((source) => matches(source, url, own));
}

function matches(source: string, url: URL, own: string): boolean {
  if (source === '*') return /^https?:$/.test(url.protocol);
  if (source.toLowerCase() === "'self'") return url.origin === own;
  if (/^[a-z][a-z0-9+.-]*:$/i.test(source)) return url.protocol === source.toLowerCase();
  const [, scheme, host = '', port, path = ''] =
    /^(?:([a-z][a-z0-9+.-]*):\/\/)?([^/:]+)(?::(\d+|\*))?(\/.*)?$/i.exec(source) ?? [];
  const protocol = scheme === undefined ? new URL(own).protocol : `${scheme.toLowerCase()}:`;
  const isHost = host.startsWith('*.')
    ? url.hostname.endsWith(host.slice(1).toLowerCase())
    : url.hostname === host.toLowerCase();
  const isPort = port === '*' || (port ?? '') === url.port;
  const isPath =
    path === '' || (path.endsWith('/') ? url.pathname.startsWith(path) : url.pathname === path);
  const isScheme = url.protocol === protocol || (protocol === 'http:' && url.protocol === 'https:');
  return isScheme && isHost && isPort && isPath;
}
