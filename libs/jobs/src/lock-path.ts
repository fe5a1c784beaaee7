/**
 * What a job works on is named by a path. Two paths conflict when they are equal or one lies within
 * the other; a conflict is by whole segments, so that cluster 1 is not within cluster 10.
 */

/** The path of one task in one cluster. */
export function taskLockPath(clusterId: number, taskId: string): string {
  return `pondhawk/cluster/${clusterId}/task/${taskId}`;
}

/** The path itself and all that it lies within. */
export function pathWithPrefixes(path: string): readonly string[] {
  const segments = path.split('/');
  return segments.map((_segment, index) => segments.slice(0, index + 1).join('/'));
}
