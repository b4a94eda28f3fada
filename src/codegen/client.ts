import { join } from 'node:path';
import { build } from 'esbuild';

/** What runs in the browser of someone who reads a report, as one string: the page that holds it needs nothing else. */
export async function generateClient(root: string): Promise<string> {
  const { outputFiles } = await build({
    entryPoints: [join(root, 'src/report/html/client.tsx')],
    tsconfig: join(root, 'tsconfig.client.json'),
    bundle: true,
    write: false,
    minify: true,
    format: 'iife',
    target: 'es2022',
    // Nothing in the text ends the script element that it is written into.
    charset: 'ascii',
    banner: { js: '/*! onnx-funnel (Apache-2.0), with preact and @dagrejs/dagre (MIT) */' },
    logLevel: 'warning',
  });
  // HTML has no place for NUL and its like.
  // biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is taken out
  const text = outputFiles[0]!.text.trim().replace(/[\x00-\x08\x0b-\x1f\x7f]/g, c => `\\x${c.charCodeAt(0).toString(16).padStart(2, '0')}`);
  return `// Made by \`npm run generate\` of client.tsx; do not edit.\nexport const client = ${JSON.stringify(text)};\n`;
}
