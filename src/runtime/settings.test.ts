import { expect, test } from 'vitest';
import { readSettings } from './settings.ts';

test('nothing set means embedded parts and the default namespace', () => {
  expect(readSettings({ HOME: '/home/ada', PATH: '/bin', SLUICE_URL: '' })).toEqual({
    temporal: { namespace: 'default' },
    searchPath: '/bin',
    cacheDir: '/home/ada/.cache/sluice',
  });
});

test('Temporal is read as its own tools read it: an API key turns encryption on', () => {
  const { temporal } = readSettings({
    TEMPORAL_ADDRESS: 'cloud:7233',
    TEMPORAL_NAMESPACE: 'prod',
    TEMPORAL_API_KEY: 'k',
    TEMPORAL_GRPC_META_TEAM: 'data',
  });
  expect(temporal).toEqual({
    address: 'cloud:7233',
    namespace: 'prod',
    apiKey: 'k',
    tls: true,
    metadata: { team: 'data' },
  });
});

test('an encryption key is 32 bytes, in hexadecimal or base64, and never shown', () => {
  const bytes = Buffer.alloc(32, 7);
  expect(readSettings({ SLUICE_ENCRYPTION_KEY: bytes.toString('hex') }).encryptionKeys).toEqual([
    bytes,
  ]);
  expect(readSettings({ SLUICE_ENCRYPTION_KEY: bytes.toString('base64') }).encryptionKeys).toEqual([
    bytes,
  ]);
  const retired = Buffer.alloc(32, 8);
  expect(
    readSettings({
      SLUICE_ENCRYPTION_KEY: `${bytes.toString('base64')}, ${retired.toString('hex')}`,
    }).encryptionKeys,
  ).toEqual([bytes, retired]);
  expect(() => readSettings({ SLUICE_ENCRYPTION_KEY: 'hunter2' })).toThrow(
    /SLUICE_ENCRYPTION_KEY must hold 32 bytes(?!.*hunter2)/,
  );
});
