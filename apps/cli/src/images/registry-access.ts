/** Who reads from a registry, for all commands about images. */

import type { Command } from 'commander';
import type { CliContext } from '../context.js';

const PASSWORD_VARIABLE = 'PONDHAWK_REGISTRY_PASSWORD';

/** Options of an image. */
export interface ImageOptions {
  readonly platform?: string;
  readonly username?: string;
}

/** Adds `--platform` and `--username`. */
export function withImageOptions(command: Command): Command {
  return command
    .option('--platform <os/architecture>', 'of the image (linux/amd64 by default)')
    .option(
      '--username <name>',
      `at the registry; its password is asked for, or in ${PASSWORD_VARIABLE}`,
    );
}

/** The args of an image; asks for the password of whoever is named. */
export async function imageArgs(
  context: CliContext,
  url: string,
  { platform, username }: ImageOptions,
): Promise<object> {
  const image = { url, platform, username };
  if (username === undefined) return image;
  const given = context.env[PASSWORD_VARIABLE];
  const password = given ?? (await context.askSecret(`Password of ${username}: `));
  return { ...image, password };
}
