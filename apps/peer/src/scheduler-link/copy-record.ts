export { toCopyRecord, toPieceDigest } from '../copies/index.js';
