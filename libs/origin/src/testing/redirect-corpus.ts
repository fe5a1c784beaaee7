/** Redirects that an origin may try. */

/** One redirect, and the code of the error with which it ends. */
export interface RedirectCase {
  readonly status: number;
  /** The header as sent; undefined for none. `PORT` stands for the port of a server on 127.0.0.1. */
  readonly location: string | undefined;
  readonly code: 'ORIGIN_ADDRESS_REFUSED' | 'ORIGIN_REDIRECT';
}

const STATUSES = [301, 302, 303, 307, 308];

const TO_INSIDE = [
  'http://127.0.0.1:PORT/',
  'https://127.0.0.1:PORT/',
  'http://localhost:PORT/',
  'http://10.0.0.1/',
  'http://169.254.169.254/latest/meta-data/iam/security-credentials/',
  'http://[::1]:PORT/',
  'http://[::ffff:127.0.0.1]:PORT/',
];

const TO_INSIDE_IN_DISGUISE = [
  '//127.0.0.1:PORT/',
  '///127.0.0.1:PORT/',
  '\\\\127.0.0.1:PORT\\',
  '/\\127.0.0.1:PORT/',
  'http:\\\\127.0.0.1:PORT\\',
  'http:////127.0.0.1:PORT/',
  'https:127.0.0.1:PORT/',
  'https:/127.0.0.1:PORT/',
  'HTTP://127.0.0.1:PORT/',
  'h\tttp://127.0.0.1:PORT/',
  'http://public.example@127.0.0.1:PORT/',
  'http://public.example:80@127.0.0.1:PORT/',
  'http://1.1.1.1@127.0.0.1:PORT/',
  'http://127.0.0.1:PORT#@public.example/',
  'http://127.0.0.1:PORT?@public.example/',
  'http://127.0.0.1:PORT\\@public.example/',
  'http://127.0.0.1:PORT\\.public.example/',
  'http://%31%32%37.0.0.1:PORT/',
  'http://127%2E0%2E0%2E1:PORT/',
  'http://127.1:PORT/',
  'http://0x7f.1:PORT/',
  'http://0177.0.0.1:PORT/',
  'http://2130706433:PORT/',
  'http://0:PORT/',
  'http://127.0.0.1.:PORT/',
  'http://[::7f00:1]:PORT/',
  'http://[64:ff9b::7f00:1]:PORT/',
  'http://[2002:7f00:1::]:PORT/',
  'http://[fd00:ec2::254]/latest/meta-data/',
  'http://[fe80::1]:PORT/',
  'http://100.100.100.200/latest/meta-data/',
  'http://168.63.129.16/machine?comp=goalstate',
  'http://192.0.0.192/opc/v1/instance/',
  'http://2852039166/computeMetadata/v1/',
];

const TO_ANOTHER_SCHEME = [
  'file:///etc/passwd',
  'FILE:///etc/passwd',
  'file://127.0.0.1/etc/passwd',
  'ftp://127.0.0.1:PORT/',
  'gopher://127.0.0.1:PORT/_x',
  'dict://127.0.0.1:PORT/d',
  'ldap://127.0.0.1:PORT/',
  'ws://127.0.0.1:PORT/',
  'unix:/run/docker.sock',
  'http+unix://%2Frun%2Fdocker.sock/',
  'data:text/plain,x',
  'javascript:alert(1)',
  'about:blank',
  'blob:http://127.0.0.1:PORT/x',
];

const TO_NOWHERE = [undefined, '', 'http://', 'http://[::1/', 'http://256.1.1.1/', 'http://a b/'];

const of =
  (code: RedirectCase['code'], status = 302) =>
  (location: string | undefined): RedirectCase => ({ status, location, code });

/** Each ends with its code, and none reaches the server on 127.0.0.1. */
export const REFUSED_REDIRECTS: readonly RedirectCase[] = [
  ...STATUSES.flatMap((status) => TO_INSIDE.map(of('ORIGIN_ADDRESS_REFUSED', status))),
  ...TO_INSIDE_IN_DISGUISE.map(of('ORIGIN_ADDRESS_REFUSED')),
  ...TO_ANOTHER_SCHEME.map(of('ORIGIN_REDIRECT')),
  ...TO_NOWHERE.map(of('ORIGIN_REDIRECT')),
];
