import { FORMERS_KEY, INCARNATION_KEY } from '@pondhawk/contracts';
import { ConflictError, type HostId } from '@pondhawk/core';
import type { CallContext } from '@pondhawk/rpc';

/** Who claims a host id. */
export interface Claimant {
  /** 32 hex digits; empty for daemons that tell none. */
  readonly incarnation: string;
  /** Incarnations that it has surely outlived: it holds the lock of their data folder. */
  readonly formers: readonly string[];
}

/** What the claims look at besides announcements. */
export interface HostClaimsParts {
  /** The incarnation at the other end of a host's open stream. */
  readonly findConnected: (hostId: HostId) => string | undefined;
}

/**
 * Which start of a daemon stands for each host id at this scheduler. A second one is refused as long
 * as the first announces itself or has its stream open; it may be a copy of its data folder, and
 * whatever it holds would be told, served and purged in the other's name. (R10)
 */
export class HostClaims {
  private readonly claims = new Map<HostId, string>(); // Incarnations of announced hosts.

  constructor(private readonly parts: HostClaimsParts) {}

  /** @throws ConflictError (`HOST_ID_IN_USE`) while another daemon stands for the id. */
  claim(hostId: HostId, { incarnation, formers }: Claimant): void {
    const standing = [this.parts.findConnected(hostId), this.claims.get(hostId)];
    const isOther = (one: string | undefined): boolean =>
      one !== undefined && one !== incarnation && !formers.includes(one);
    if (standing.some(isOther)) throw inUse(hostId);
    this.claims.set(hostId, incarnation);
  }

  /** @throws ConflictError (`HOST_ID_IN_USE`) if it is another daemon that stands for the id. */
  requireHolder(hostId: HostId, claimant: Claimant): void {
    if (!this.isHolder(hostId, claimant)) throw inUse(hostId);
  }

  /** Whether a daemon may speak in the name of the id: it stands for it, or nobody does yet. */
  isHolder(hostId: HostId, { incarnation }: Claimant): boolean {
    const standing = this.claims.get(hostId);
    return standing === undefined || standing === incarnation;
  }

  /** The host left or fell silent: the id is free. */
  release(hostId: HostId): void {
    this.claims.delete(hostId);
  }
}

/** Who calls, as the call's metadata says. */
export function claimantOf({ metadata }: CallContext): Claimant {
  const formers = metadata.get(FORMERS_KEY)[0]?.toString() ?? '';
  return {
    incarnation: metadata.get(INCARNATION_KEY)[0]?.toString() ?? '',
    formers: formers === '' ? [] : formers.split(','),
  };
}

function inUse(hostId: HostId): ConflictError {
  return new ConflictError(
    'HOST_ID_IN_USE',
    `Another daemon stands for host ${hostId}. Give each host a name and data folder of its own.`,
    { details: { field: 'host.id', hostId } },
  );
}
