import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';

const require = createRequire(import.meta.url);

/** The path of dynoxide's program for this platform. Throws an error that names the ways out if there is none. */
export function findDatabase(platform: string = process.platform, arch: string = process.arch): string {
  const name = `@dynoxide/${platform}-${arch}`;
  let manifest: string;
  try {
    manifest = require.resolve(`${name}/package.json`);
  } catch (cause) {
    throw new Error(
      `No local DynamoDB: the package ${name} is not installed. Run "npm install" (it comes as an optional dependency ` +
        'on Linux, macOS and Windows), or start another DynamoDB, such as DynamoDB Local, and name it: ' +
        'DYNAMODB_ENDPOINT=http://127.0.0.1:8000 npm start',
      { cause },
    );
  }
  return join(dirname(manifest), platform === 'win32' ? 'dynoxide.exe' : 'dynoxide');
}
