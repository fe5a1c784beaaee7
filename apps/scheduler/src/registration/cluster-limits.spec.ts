import { managerV2 } from '@pondhawk/contracts';
import { DEFAULT_CLUSTER_LIMITS, parseClusterLimits } from './cluster-limits.js';

function clusterOf(config: string, client = '', seed = ''): managerV2.SchedulerCluster {
  return managerV2.SchedulerCluster.fromPartial({
    config: Buffer.from(config),
    clientConfig: Buffer.from(client),
    seedClientConfig: Buffer.from(seed),
  });
}

describe('parseClusterLimits', () => {
  it('reads what the row says', () => {
    const config =
      '{"candidate_parent_limit":7,"filter_parent_limit":40,"job_rate_limit":10,"allow_foreign_parents":true}';
    expect(
      parseClusterLimits(clusterOf(config, '{"load_limit":50}', '{"load_limit":300}')),
    ).toEqual({
      candidateParentLimit: 7,
      filterParentLimit: 40,
      uploadLimit: 50,
      seedUploadLimit: 300,
      allowsForeignParents: true,
    });
  });

  it.each([
    ['nothing', ''],
    ['no JSON', '{"candidate_parent_limit":'],
    ['null', 'null'],
    ['a list', '[7]'],
    ['a text for a number', '{"candidate_parent_limit":"7"}'],
    ['a fraction', '{"candidate_parent_limit":1.5,"filter_parent_limit":15.5}'],
    ['a text for a flag', '{"allow_foreign_parents":"true"}'],
    ['numbers out of range', '{"candidate_parent_limit":21,"filter_parent_limit":9}'],
  ])('takes the defaults for %s', (_name, json) => {
    expect(parseClusterLimits(clusterOf(json, json, json))).toEqual(DEFAULT_CLUSTER_LIMITS);
  });

  it('takes the defaults where there is no row', () => {
    expect(parseClusterLimits(undefined)).toEqual(DEFAULT_CLUSTER_LIMITS);
  });
});
