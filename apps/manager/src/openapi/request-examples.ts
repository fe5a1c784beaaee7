/** An example of the body of each operation that has one, by its id. */

const TASK_ID = '457b43f1'.repeat(8);
const DELETE = { type: 'delete_task', args: { task_id: TASK_ID }, scheduler_cluster_ids: [1] };
const SCOPES = { idc: 'hall-1', location: 'eu|berlin', cidrs: ['10.0.0.0/8'], hostnames: [] };
const SCHEDULER_SETTINGS = { candidate_parent_limit: 4, filter_parent_limit: 15 };
const PRIORITY = { value: 3, urls: [{ regex: 'blobs/.*', value: 5 }] };

/** By operation id. */
export const REQUEST_EXAMPLES: Readonly<Record<string, object>> = {
  signIn: { name: 'ada', password: 'correct7horse' },
  signUp: { name: 'ada', password: 'correct7horse', email: 'ada@example.com' },
  resetPassword: { old_password: 'correct7horse', new_password: 'battery9staple' },
  updateUser: { location: 'hall 3', state: 'enable' },
  createRole: { role: 'operator', permissions: [{ object: 'jobs', action: '*' }] },
  addPermission: { object: 'clusters', action: 'read' },
  removePermission: { object: 'clusters', action: 'read' },
  createToken: { name: 'deploy', expired_at: '2030-01-31T00:00:00Z', scopes: ['job'] },
  updateToken: { state: 'inactive' },
  createJob: DELETE,
  createJobs: { jobs: [DELETE, { type: 'get_task', args: { url: 'https://example.com/a.bin' } }] },
  createCluster: {
    ...{ name: 'cluster-2', bio: 'hall 3', scopes: SCOPES },
    ...{ scheduler_cluster_config: SCHEDULER_SETTINGS, peer_cluster_config: { load_limit: 200 } },
    seed_peer_cluster_config: { load_limit: 2_000 },
  },
  updateCluster: { bio: 'hall 4' },
  createSchedulerCluster: {
    ...{ name: 'cluster-3', config: SCHEDULER_SETTINGS, client_config: { load_limit: 200 } },
    ...{ seed_client_config: { load_limit: 2_000 }, scopes: SCOPES },
  },
  updateSchedulerCluster: { config: { job_rate_limit: 20 } },
  createSeedPeerCluster: { name: 'seeds-2', config: { load_limit: 2_000 } },
  updateSeedPeerCluster: { bio: 'hall 4' },
  createScheduler: { host_name: 's2', ip: '10.0.0.2', port: 8_002, scheduler_cluster_id: 1 },
  updateScheduler: { idc: 'hall-1' },
  createSeedPeer: {
    ...{ host_name: 'seed-2', type: 'super', ip: '10.0.0.3', port: 4_000, download_port: 4_000 },
    seed_peer_cluster_id: 1,
  },
  updateSeedPeer: { idc: 'hall-1' },
  createPeer: {
    ...{ host_name: 'h2', ip: '10.0.0.4', port: 4_000, download_port: 4_000 },
    ...{ type: 'normal', scheduler_cluster_id: 1 },
  },
  createConfig: { name: 'motd', value: 'Hello.' },
  updateConfig: { value: 'Good evening.' },
  createApplication: { name: 'models', url: 'https://models.example.com/', priority: PRIORITY },
  updateApplication: { priority: PRIORITY },
  createOauth: {
    ...{ name: 'corp', client_id: 'pondhawk', client_secret: 'a-secret-of-the-provider' },
    ...{ issuer: 'https://sso.example.com' },
    redirect_url: 'https://pondhawk.example.com/api/v1/users/signin/corp/callback',
  },
  updateOauth: { bio: 'of the whole company' },
};
